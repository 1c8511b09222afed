"""Beside a live stream: what the ledger is told of it, and what it says, for Prometheus."""

import threading
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

from tapehouse.drift import DriftAlerts

if TYPE_CHECKING:
    from jobs.lake.alerts import Alerts
    from jobs.lake.settings import Settings
    from producers.live_feed import LiveFeed

LOOK_EVERY = 10.0  # seconds
END_WITHIN = 30.0
log = structlog.get_logger()


class LedgerWatch:
    """Opens and closes the alerts of one stream, and shows open alerts and the calls that are left.

    It works in a thread of its own for the length of a block, and looks once more at its end. While the ledger is
    away nothing is told, and the stream goes on.
    """

    def __init__(self, settings: "Settings", feed: "LiveFeed", source: str) -> None:
        self._settings, self._feed, self._source = settings, feed, source
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger-watch", daemon=True)
        self._frames = 0

    def __enter__(self) -> "LedgerWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join(END_WITHIN)

    def _run(self) -> None:
        from jobs.lake.errors import TapehouseError

        while True:
            try:
                self._look_until_the_end()
            except TapehouseError as error:
                log.warning("ledger_not_told", what=error.what, found=error.found, remedy=error.remedy)
            if self._ending.wait(LOOK_EVERY):
                return

    def _look_until_the_end(self) -> None:
        from jobs.lake.alerts import Alerts

        with closing(Alerts(self._settings)) as alerts:
            drift = DriftAlerts(alerts, self._source)
            is_over = False
            while not is_over:
                is_over = self._ending.wait(LOOK_EVERY)
                frames, self._frames = self._frames, self._feed.counts.frames
                drift.look(dict(self._feed.drift), frames_come=self._frames > frames)
                self._show(alerts)

    def _show(self, alerts: "Alerts") -> None:
        from producers import metrics
        from tapehouse.budget import look

        metrics.ALERTS_OPEN.clear()
        for alert in alerts.are_open():
            metrics.ALERTS_OPEN.labels(alert.name).inc()
        for standing in look(self._settings):
            for purpose, left in standing.left.items():
                metrics.CALLS_LEFT.labels(standing.source, purpose).set(left)
