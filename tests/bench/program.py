"""A program that is measured, or measures: started as its users do, known by its pid, stopped by SIGTERM."""

import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tapehouse.paths import VENV
from tests.bench.lake import Lake
from tests.bench.usage import UsageWatch
from tests.processes import Program

PYTHON = str(VENV / "bin" / "python")
PATIENCE = 180.0


class Measured(Program):
    """A process for the length of a block: after it, it was asked to end and ended well, or it is an error."""

    def __init__(self, lake: Lake, name: str, command: Sequence[str]) -> None:
        self.begun = time.time()
        super().__init__(command, log=lake.folder / f"{name}.log", environment=lake.environment)
        self.usage = UsageWatch(self.started)

    def __enter__(self) -> "Measured":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                self.ended(seconds=PATIENCE)
        finally:
            self.usage.end()
            self.kill()
        if error is None:
            assert self.process.returncode == 0, f"exit code {self.process.returncode}; {self.last_words}"


def send(lake: Lake, tape: Path, *, at_pace: bool, seconds: float) -> dict[str, Any]:
    """Send a tape to the lake's topic in a process of its own; what it says at its end."""
    command = [PYTHON, "-m", "tests.bench.send", str(tape), "--bootstrap", lake.bootstrap]
    command += ["--topic", lake.topic, *(["--at-pace"] if at_pace else [])]
    with Measured(lake, "send", command) as sender:
        sender.ended(seconds=seconds)
    return dict(json.loads(sender.output.splitlines()[-1]))


def verify(lake: Lake) -> None:
    """`tapehouse verify` on the run's tables: what is measured must be right."""
    with Measured(lake, "verify", [str(VENV / "bin" / "tapehouse"), "verify"]) as program:
        program.ended(seconds=1800)
