"""Alerts of what a vendor changed: in its frames, closed when none such has come for long, and in its history."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake.alerts import Alerts

UNKNOWN, CHANGED = "vendor_field_unknown", "vendor_field_changed"
# the word by which subjects of fetched answers are told from those of streams
HISTORY = "history"
REMEDIES = {
    UNKNOWN: "it is kept with the vendor's bytes: say in producers/ what it means",
    CHANGED: "such frames and answers are rejected: mend the vendor's file in producers/",
}
# seconds: an open alert is told again, and without such a frame for so long it is closed
TELL_EVERY, QUIET = 60.0, 3600.0


class DriftAlerts:
    """Keeps the alerts of one source. `clock` is that of the times it is given, in seconds."""

    def __init__(self, alerts: "Alerts", source: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._alerts, self._source, self._clock = alerts, source, clock
        # what is open from an earlier run has this one's time to be seen again
        self._seen = {
            (alert.name, alert.subject): clock()
            for alert in alerts.are_open()
            if alert.name in REMEDIES
            and alert.subject.startswith(f"{source} ")
            and not alert.subject.startswith(f"{source} {HISTORY} ")
        }
        self._told: dict[tuple[str, str], float] = {}

    def look(self, drift: Mapping[str, float], *, frames_come: bool) -> None:
        """Open and close by `drift`: what was seen, and when last. Nothing is closed while no frame comes."""
        now = self._clock()
        for found, seen in drift.items():
            key = (UNKNOWN if found.startswith("unknown_") else CHANGED, f"{self._source} {found}")
            if seen > self._seen.get(key, -1.0):
                self._seen[key] = seen
                self._tell(key, now)
        for key in [key for key, seen in self._seen.items() if frames_come and now - seen > QUIET]:
            self._alerts.close_alert(*key)
            del self._seen[key]
            self._told.pop(key, None)

    def _tell(self, key: tuple[str, str], now: float) -> None:
        if now - self._told.get(key, -TELL_EVERY) >= TELL_EVERY:
            name, subject = key
            self._alerts.open(name, subject, found="in frames of its stream", remedy=REMEDIES[name])
            self._told[key] = now


class AnswerAlerts:
    """Keeps the alerts of one source's history over a run: at its end those close that its answers no longer show."""

    def __init__(self, alerts: "Alerts", source: str) -> None:
        self._alerts, self._source = alerts, source
        self._shown: set[tuple[str, str]] = set()
        self._read: set[str] = set()

    def unreadable(self, dataset: str, found: str) -> None:
        """An answer could not be read."""
        self._open(CHANGED, dataset, found)

    def read(self, dataset: str, unknown: Sequence[str]) -> None:
        """An answer was read, and held these fields beside what is known."""
        self._read.add(dataset)
        for field in unknown:
            self._open(UNKNOWN, f"{dataset} {field}", "in an answer")

    def settle(self) -> None:
        """Close what no answer of this run has shown, of the datasets that it has read."""
        for alert in self._alerts.are_open():
            words = alert.subject.split()
            is_mine = words[:2] == [self._source, HISTORY] and words[2] in self._read
            if is_mine and (alert.name, alert.subject) not in self._shown:
                self._alerts.close_alert(alert.name, alert.subject)

    def _open(self, name: str, what: str, found: str) -> None:
        subject = f"{self._source} {HISTORY} {what}"
        self._shown.add((name, subject))
        self._alerts.open(name, subject, found=found, remedy=REMEDIES[name])
