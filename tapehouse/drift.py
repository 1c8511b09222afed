"""Alerts of what a vendor changed, in the frames of its stream and in the answers of its history."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake.alerts import Alerts

UNKNOWN, CHANGED = "vendor_field_unknown", "vendor_field_changed"
REMEDIES = {
    UNKNOWN: "it is kept with the vendor's bytes: say in producers/ what it means",
    CHANGED: "such frames and answers are rejected: mend the vendor's file in producers/",
}
# seconds: an open alert is told again, and not told for so long it is closed
TELL_EVERY, QUIET_STREAM, QUIET_HISTORY = 60.0, 3600.0, 86_400.0


class DriftAlerts:
    """What is told of one source's stream. `clock` is that of the times at which frames were seen, in seconds."""

    def __init__(self, source: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        # of each finding when it was told, and when it had been seen last by then
        self._told: dict[str, tuple[float, float]] = {}

    def look(self, alerts: "Alerts", drift: Mapping[str, float], *, frames_come: bool) -> None:
        """Open alerts by `drift`: what was seen, and when last. While frames come, close what was not told for long."""
        now = self._clock()
        for found, seen in drift.items():
            told, known = self._told.get(found, (-TELL_EVERY, -1.0))
            if seen > known and now - told >= TELL_EVERY:
                name = UNKNOWN if found.startswith("unknown_") else CHANGED
                subject = f"{self._source} stream {found}"
                alerts.open(name, subject, found="in its frames", remedy=REMEDIES[name])
                self._told[found] = now, seen
        if frames_come:
            alerts.close_untold(tuple(REMEDIES), f"{self._source} stream ", seconds=QUIET_STREAM)


class AnswerAlerts:
    """What is told of one source's history. What could not be read of a symbol is closed once it can be."""

    def __init__(self, alerts: "Alerts", source: str) -> None:
        self._alerts, self._source = alerts, source

    def unreadable(self, dataset: str, symbol: str, found: str) -> None:
        """An answer could not be read."""
        self._alerts.open(CHANGED, self._subject(dataset, symbol), found=found, remedy=REMEDIES[CHANGED])

    def read(self, dataset: str, symbol: str, unknown: Sequence[str]) -> None:
        """An answer was read, and held these fields beside what is known."""
        self._alerts.close_alert(CHANGED, self._subject(dataset, symbol))
        for field in unknown:
            subject = self._subject(dataset, field)
            self._alerts.open(UNKNOWN, subject, found=f"of {symbol}", remedy=REMEDIES[UNKNOWN])
        self._alerts.close_untold((UNKNOWN,), self._subject(dataset, ""), seconds=QUIET_HISTORY)

    def _subject(self, dataset: str, what: str) -> str:
        return f"{self._source} history {dataset} {what}"
