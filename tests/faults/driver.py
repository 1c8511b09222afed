"""The stream job under proof, and the halves of it that a fault can meet."""

import os
import signal
from pathlib import Path

from tapehouse.services.processes import session_of
from tests.processes import Program


class Driver(Program):
    """A JVM that was started first, and its Python half."""

    @property
    def is_gone(self) -> bool:
        return self.process.poll() is not None

    def kill_half(self, half: str) -> None:
        """kill -9 of `all` of it, of the `java` half alone or of the `python` half alone."""
        if half == "all":
            self.kill()
        else:
            os.kill(self.process.pid if half == "java" else self._python(), signal.SIGKILL)

    def _python(self) -> int:
        others = [pid for pid in session_of(self.started) if pid != self.process.pid]
        (python,) = [
            pid for pid in others if b"stream_quotes.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        return python
