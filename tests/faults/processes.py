"""Programs under test: started as their users do, known by pid, killed, stopped and continued."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tapehouse.paths import ROOT


class ProofFailedError(AssertionError):
    """Something that is promised did not hold; the text says what, and the seed that repeats it."""


class Program:
    """A child in a session of its own, its output in a file."""

    def __init__(self, arguments: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(map(str, arguments)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env=dict(environment),
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def send(self, number: signal.Signals, *, half: str = "all") -> None:
        """Signal the program's processes: `all`, the `first` that was started, or its `python` half."""
        pids = tree(self.pid)
        if half == "first":
            pids = [self.pid]
        elif half == "python":
            pids = [pid for pid in pids[1:] if "stream_quotes.py" in _command(pid)][:1]
        signal_all(pids, number)

    def ended(self, seconds: float) -> int:
        """Its exit code, within so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ProofFailedError(f"still running after {seconds:.0f} s: {self.last_lines()}") from error

    def end(self) -> None:
        """kill -9 of whatever is left of it."""
        signal_all(tree(self.pid) if self.exit_code is None else [], signal.SIGCONT)
        signal_all(tree(self.pid) if self.exit_code is None else [], signal.SIGKILL)
        self._process.wait(30)

    def last_lines(self) -> str:
        return " | ".join(self.output.strip().splitlines()[-6:])[-1500:]


def wait_until(
    condition: Callable[[], bool], what: str, *, seconds: float, alive: Program | None = None
) -> None:
    """Wait for something, as long as the program that should bring it about runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        if alive is not None and alive.exit_code is not None:
            raise ProofFailedError(f"{what}: it ended with {alive.exit_code}: {alive.last_lines()}")
        if time.monotonic() > deadline:
            told = f": {alive.last_lines()}" if alive else ""
            raise ProofFailedError(f"{what}: not within {seconds:.0f} s{told}")
        time.sleep(0.1)


def tree(pid: int) -> list[int]:
    """A process and all that descend from it, parents first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(folder.name)):
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, parents = [pid], [pid]
    while parents:
        parents = [child for parent in parents for child in children.get(parent, [])]
        found += parents
    return found


def is_stopped(pid: int) -> bool:
    return _stat(pid)[:1] == ["T"]


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue  # it ended by itself meanwhile


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
