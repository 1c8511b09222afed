"""Beside a live stream: what the ledger is told of it, and what it says, for Prometheus."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

from tapehouse.drift import DriftAlerts

if TYPE_CHECKING:
    from jobs.lake.alerts import Alerts
    from jobs.lake.settings import Settings
    from producers.tally import Tally

LOOK_EVERY = 10.0  # seconds
END_WITHIN = 30.0
log = structlog.get_logger()


class LedgerWatch:
    """Opens and closes the alerts of the sources by their tallies; `shows` open alerts and the calls that are left.

    It keeps the heartbeat of the sources too, which only an end by an error leaves behind. It works in a thread of its
    own for the length of a block, and looks once more at its end. While the ledger is away nothing is told, and the
    stream goes on.
    """

    def __init__(self, settings: "Settings", tallies: Mapping[str, "Tally"], *, shows: bool = False) -> None:
        self._settings, self._shows = settings, shows
        self._watched = [(tally, DriftAlerts(source)) for source, tally in tallies.items()]
        self._sources = list(tallies)
        self._ending = threading.Event()
        self._ends_well = False
        self._thread = threading.Thread(target=self._run, name="ledger-watch", daemon=True)
        # of each tally when it was looked at last
        self._frames = [0] * len(self._watched)
        self._names: set[str] = set()

    def __enter__(self) -> "LedgerWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ends_well = kind is None
        self._ending.set()
        self._thread.join(END_WITHIN)

    def _run(self) -> None:
        while True:
            self._try(self._look_until_the_end)
            if self._ending.wait(LOOK_EVERY):
                return

    def _look_until_the_end(self) -> None:
        from jobs.lake.alerts import Alerts
        from jobs.lake.heartbeats import Heartbeats

        with closing(Alerts(self._settings)) as alerts, closing(Heartbeats(self._settings)) as heart:
            is_over = False
            while not is_over:
                heart.beat(self._sources)
                is_over = self._ending.wait(LOOK_EVERY)
                for number, (tally, drift) in enumerate(self._watched):
                    before, self._frames[number] = self._frames[number], tally.frames
                    drift.look(alerts, dict(tally.drift), frames_come=tally.frames > before)
                if self._shows:
                    self._show_alerts(alerts)
                    self._try(self._show_budgets)
            if self._ends_well:
                heart.end()

    def _show_alerts(self, alerts: "Alerts") -> None:
        from producers import metrics

        found = Counter(alert.name for alert in alerts.are_open())
        self._names |= set(found)
        for name in self._names:
            metrics.ALERTS_OPEN.labels(name).set(found[name])

    def _show_budgets(self) -> None:
        from producers import metrics
        from tapehouse.budget import look

        for standing in look(self._settings):
            for purpose, left in standing.left.items():
                metrics.CALLS_LEFT.labels(standing.source, purpose).set(left)

    def _try(self, work: Callable[[], None]) -> None:
        from jobs.lake.errors import TapehouseError

        try:
            work()
        except TapehouseError as error:
            log.warning("ledger_not_told", what=error.what, found=error.found, remedy=error.remedy)
