"""What is looked at again and again, each thing at a pace of its own: it is known, or since when it is not."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from jobs.lake.errors import TapehouseError

log = structlog.get_logger()


@dataclass
class Watch:
    """A look, and what it found last. One that fails, or hangs for `patience` seconds, makes it unknown."""

    name: str
    look: Callable[[], Any]
    every: float
    patience: float = 3.0
    found: Any = None
    problem: str | None = None
    looks: int = 0
    seconds: float = 0.0
    since: float = field(default_factory=time.time)  # of the last success, Unix time; else of the start
    _seen: float | None = field(default=None, init=False)  # the same by a clock that is never set

    @property
    def is_known(self) -> bool:
        if self._seen is None or self.problem is not None:
            return False
        return time.monotonic() - self._seen <= self.every + self.patience

    @property
    def why(self) -> str:
        """Why it is unknown."""
        if self.problem is not None:
            return self.problem
        return "it was not looked at yet" if self._seen is None else "no answer"

    def look_once(self) -> None:
        began = time.monotonic()
        try:
            found = self.look()
        except Exception as error:  # ruff: ignore[blind-except] - told in the log and on the page: the others go on
            self._failed(error)
        else:
            if self.problem is not None:
                log.info("look_works_again", of=self.name)
            # what is known counts from when it was asked for
            self.found, self.problem, self._seen = found, None, began
            self.since = time.time() - (time.monotonic() - began)
        self.looks += 1
        self.seconds += time.monotonic() - began

    def _failed(self, error: Exception) -> None:
        what = error.what if isinstance(error, TapehouseError) else f"{type(error).__name__}: {error}"
        why = " ".join(what.split())[:200]
        if why != self.problem:
            log.warning("look_failed", of=self.name, why=why)
        self.problem = why


class Watcher:
    """Watches in a thread of their own, one look after the other."""

    def __init__(self, name: str, watches: Sequence[Watch], told: Callable[[], None] = lambda: None) -> None:
        self._watches, self._told = watches, told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more looks; one that is under way is not waited for."""
        self._stop.set()

    def has_ended(self, seconds: float) -> bool:
        """Whether its last look is over, waited for so many seconds at most."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        due = dict.fromkeys(range(len(self._watches)), 0.0)
        while not self._stop.is_set():
            for number, watch in enumerate(self._watches):
                if due[number] <= time.monotonic() and not self._stop.is_set():
                    due[number] = time.monotonic() + watch.every
                    watch.look_once()
                    self._told()
            self._stop.wait(max(0.0, min(due.values()) - time.monotonic()))
