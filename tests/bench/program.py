"""A program that is measured, or measures: started as its users do, known by its pid, stopped by SIGTERM."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tapehouse.paths import ROOT, VENV
from tapehouse.services.processes import Started, birth, kill
from tests.bench.lake import Lake, log_of
from tests.bench.usage import UsageWatch

PYTHON = str(VENV / "bin" / "python")
PATIENCE, LOOK_EVERY = 180.0, 0.2


class Program:
    """A process for the length of a block: after it, it was asked to end and ended well, or it is an error."""

    def __init__(self, lake: Lake, name: str, command: Sequence[str]) -> None:
        self.log = log_of(lake, name)
        self.begun = time.time()
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **lake.environment},
                start_new_session=True,
            )
        self._started = Started(self._process.pid, birth(self._process.pid))
        self.usage = UsageWatch(self._started)

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        try:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
                self._process.wait(PATIENCE)
        finally:
            self.usage.end()
            kill(self._started)
        if error is None and self._process.returncode:
            raise RuntimeError(f"exit code {self._process.returncode}: {self._last_words()}")

    def wait_for(self, condition: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Wait until the condition holds, while the process lives and for `seconds` at most."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self._process.poll() is not None:
                raise RuntimeError(f"it ended before {what}: {self._last_words()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not {what} within {seconds:.0f} s: see {self.log}")
            time.sleep(LOOK_EVERY)

    def wait_for_end(self, *, seconds: float) -> None:
        self._process.wait(seconds)

    def _last_words(self) -> str:
        return f"{self.log} ends: {self.log.read_text(errors='replace')[-600:].strip()}"


def send(lake: Lake, tape: Path, *, at_pace: bool, seconds: float) -> dict[str, Any]:
    """Send a tape to the lake's topic in a process of its own; what it says at its end."""
    command = [PYTHON, "-m", "tests.bench.send", str(tape), "--bootstrap", lake.bootstrap]
    command += ["--topic", lake.topic, *(["--at-pace"] if at_pace else [])]
    with Program(lake, "send", command) as sender:
        sender.wait_for_end(seconds=seconds)
    return dict(json.loads(sender.log.read_text().splitlines()[-1]))


def verify(lake: Lake) -> None:
    """`tapehouse verify` on the run's tables: what is measured must be right."""
    with Program(lake, "verify", [str(VENV / "bin" / "tapehouse"), "verify"]) as program:
        program.wait_for_end(seconds=1800)
