"""CPU seconds and resident memory of a process and all that it started, sampled from /proc."""

import contextlib
import os
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tapehouse.services.processes import Started, session_of

EVERY = 0.5  # seconds
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Sample:
    """CPU seconds since the start, and megabytes by the program's name (java, python)."""

    at: float
    cpu_seconds: float
    megabytes: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.megabytes.values())


class UsageWatch:
    """Samples in a thread until `end`; the process is the first of a session of its own."""

    def __init__(self, process: Started) -> None:
        self.samples: list[Sample] = []
        self._process, self._cpu = process, dict[int, float]()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def peak(self) -> float:
        """The most megabytes at one moment."""
        return max((sample.total for sample in self.samples), default=0.0)

    def cpu_seconds(self, *, begin: float = 0, end: float = float("inf")) -> float:
        """CPU seconds between two moments."""
        return _cpu_at(self.samples, end) - _cpu_at(self.samples, begin)

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.samples.append(self._sample())
            self._ended.wait(EVERY)

    def _sample(self) -> Sample:
        megabytes: dict[str, float] = defaultdict(float)
        for pid in session_of(self._process):
            # it may have ended between the listing and here
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                name, cpu, resident = _read(pid)
                self._cpu[pid] = cpu
                megabytes[name] += resident
        return Sample(time.time(), sum(self._cpu.values()), dict(megabytes))


def _read(pid: int) -> tuple[str, float, float]:
    head, _, tail = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    fields = tail.split()
    name = head.partition("(")[2].rstrip("0123456789.")
    return name, (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * PAGE / MEGABYTE


def _cpu_at(samples: list[Sample], moment: float) -> float:
    return max((sample.cpu_seconds for sample in samples if sample.at <= moment), default=0.0)
