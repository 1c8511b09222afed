"""Looks at each part, one after the other and again and again, and what the last of them found.

A part that fails stops no other. What it found before is not shown any more, nor what is too old because a later look
hangs.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from tapehouse.measuring.catalogue import LOOK_FAILED, LOOK_FAILURES, LOOK_SECONDS, LOOK_SUCCESS, Sample

Look = Callable[[], Iterable[Sample]]
OLD_AFTER = 60.0  # seconds, beside three times the time between looks
log = structlog.get_logger()


@dataclass
class Found:
    """What is known of a part. `samples` are None before the first look, and while looks fail."""

    samples: tuple[Sample, ...] | None = None
    at: float = 0.0  # of the last success, Unix time
    seen: float = 0.0  # the same by a clock that is never set
    seconds: float = 0.0
    failures: int = 0


@dataclass
class Looks:
    """The parts, and what was found of each; a thread of its own looks at them."""

    parts: Mapping[str, Look]
    every: float
    _found: dict[str, Found] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._found = {part: Found() for part in self.parts}

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set; a part that is being looked at then is not waited for here."""
        while not stop.is_set():
            began = time.monotonic()
            for part in self.parts:
                if stop.is_set():
                    return
                self.look(part)
            stop.wait(max(0.0, self.every - (time.monotonic() - began)))

    def look_once(self) -> bool:
        """Whether every part could be looked at."""
        failed = [part for part in self.parts if not self.look(part)]
        return not failed

    def look(self, part: str) -> bool:
        began = time.monotonic()
        try:
            samples = tuple(self.parts[part]())
        except Exception as error:  # ruff: ignore[blind-except] - told in the log and by the metric: others go on
            self._failed(part, error, began)
            return False
        with self._lock:
            one, now = self._found[part], time.monotonic()
            one.samples, one.at, one.seen, one.seconds = samples, time.time(), now, now - began
        return True

    def samples(self) -> list[Sample]:
        """All that is known now, and of each part whether it is."""
        found = []
        with self._lock:
            for part, one in self._found.items():
                is_old = time.monotonic() - one.seen > OLD_AFTER + 3 * self.every
                is_known = one.samples is not None and not is_old
                found += [*one.samples] if one.samples is not None and is_known else []
                found.append(Sample(LOOK_FAILED, float(not is_known), (part,)))
                found.append(Sample(LOOK_FAILURES, one.failures, (part,)))
                found.append(Sample(LOOK_SECONDS, one.seconds, (part,)))
                if one.at:
                    found.append(Sample(LOOK_SUCCESS, one.at, (part,)))
        return found

    def _failed(self, part: str, error: Exception, began: float) -> None:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        log.warning("look_failed", part=part, why=why)
        with self._lock:
            one = self._found[part]
            one.samples, one.seconds = None, time.monotonic() - began
            one.failures += 1
