"""Programs that a test, a bench or a proof starts as their users do."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tapehouse.paths import ROOT
from tapehouse.services.processes import Started, birth, kill


class Program:
    """A child in a session of its own, its output in a file."""

    def __init__(self, command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **environment},
                start_new_session=True,
            )
        self.started = Started(self.process.pid, birth(self.process.pid))

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def last_words(self) -> str:
        return f"{self.log} ends: {self.output.strip()[-1000:]}"

    def wait_for(self, condition: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Wait until the condition holds, while the process lives and for `seconds` at most."""
        try:
            wait_for(condition, self.process, what=what, seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.last_words}") from None

    def ended(self, *, seconds: float) -> int:
        """Its exit code, within so many seconds."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s; {self.last_words}") from None

    def kill(self) -> None:
        """kill -9 of it and of what it started."""
        kill(self.started)
        self.process.wait(30)


def are_gone(*pids: int) -> bool:
    """Whether they have ended, soon: a signal that was sent may not have been met yet."""
    deadline = time.monotonic() + 30
    while any(map(birth, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(birth, pids))


def wait_for(
    condition: Callable[[], bool],
    process: "subprocess.Popen[bytes]",
    *,
    what: str = "what is waited for",
    seconds: float = 120,
) -> None:
    """Wait while the process lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"it ended with {process.returncode} before {what}"
        assert time.monotonic() < deadline, f"not {what} within {seconds:.0f} s"
        time.sleep(0.1)
