"""The stream job under proof, and the halves of it that a fault can meet."""

import contextlib
import os
import signal
from pathlib import Path

from tapehouse.services.processes import session_of
from tests.processes import Program


class Driver(Program):
    """A JVM that was started first, and its Python half."""

    @property
    def is_stopped(self) -> bool:
        """Whether SIGSTOP holds its JVM."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    @property
    def batches(self) -> int:
        """How many it has written, by its log."""
        return self.output.count("event=batch")

    @property
    def python(self) -> int:
        """The pid of its Python half."""
        others = [pid for pid in session_of(self.started) if pid != self.process.pid]
        (python,) = [
            pid for pid in others if b"stream_quotes.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        return python

    def kill_half(self, half: str) -> None:
        """kill -9 of `all` of it, of the `java` half alone or of the `python` half alone."""
        if half == "all":
            self.kill()
        else:
            os.kill(self.process.pid if half == "java" else self.python, signal.SIGKILL)

    def stand_still(self) -> None:
        """SIGSTOP to both halves."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT to both halves."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in session_of(self.started):
            with contextlib.suppress(ProcessLookupError):  # a worker that ends as soon as its parent goes on
                os.kill(pid, number)
