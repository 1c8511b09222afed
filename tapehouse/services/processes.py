"""Processes that outlive the command that starts them, known by pid and start time, never by name."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.lake.errors import ServiceError

HAS_PROC = Path("/proc/self/stat").exists()


@dataclass(frozen=True)
class Started:
    """A process that was started here; `born` tells it from a later one with the same pid.

    One that `ends_together` does not tell what it has started that it is to end: all of them are told.
    """

    pid: int
    born: str
    ends_together: bool = False


def start(
    arguments: Sequence[str],
    *,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
    user: str | None = None,
    ends_together: bool = False,
) -> Started:
    """Start a process in a session of its own, its output appended to `log`, which only its owner reads."""
    as_user: dict[str, object] = {"user": user, "group": _group_of(user), "extra_groups": []} if user else {}
    log.touch(mode=0o600)
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
            **as_user,  # type: ignore[call-overload]
        )
    return Started(process.pid, birth(process.pid), ends_together)


def run(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], user: str | None = None
) -> str:
    """Run a short command to its end; its output."""
    as_user: dict[str, object] = {"user": user, "group": _group_of(user), "extra_groups": []} if user else {}
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **as_user,  # type: ignore[call-overload]
    )
    if done.returncode != 0:
        raise ServiceError(
            f"{arguments[0]} ended with exit code {done.returncode}",
            found=(done.stderr or done.stdout).strip()[-600:],
            remedy="correct what it says, then repeat",
        )
    return str(done.stdout)


def is_alive(process: Started) -> bool:
    """Whether this very process runs; a zombie of ours is reaped on the way."""
    with contextlib.suppress(ChildProcessError):  # not our child: an earlier command started it
        os.waitpid(process.pid, os.WNOHANG)
    return birth(process.pid) == process.born != ""


def stop(process: Started, *, by: signal.Signals, patience: float) -> None:
    """Ask the process to end, wait, and kill what is then left of what it started."""
    family = _family(process)
    if is_alive(process):
        _signal([one.pid for one in family] if process.ends_together else [process.pid], by)
        ends_within(process, patience)
    kill(process)
    # those that were in sessions of their own
    _signal([one.pid for one in family if is_alive(one)], signal.SIGKILL)


def kill(process: Started) -> None:
    """kill -9 of the process and of what it started."""
    _signal([one.pid for one in _family(process)], signal.SIGKILL)
    ends_within(process, 10)


def session_of(process: Started) -> list[int]:
    """The processes of its session that live, even where it is gone itself; none where its pid is another's now."""
    if birth(process.pid) not in {process.born, ""}:
        return []
    return [pid for pid, _, session, state in _all() if session == process.pid and state not in "ZX"]


def _family(process: Started) -> list[Started]:
    """Its session, and whatever these have started in other sessions."""
    found = set(session_of(process))
    parents = [(pid, parent) for pid, parent, _, state in _all() if state not in "ZX"]
    while more := {pid for pid, parent in parents if parent in found} - found:
        found |= more
    return [Started(pid, birth(pid)) for pid in found]


def ends_within(process: Started, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def birth(pid: int) -> str:
    """When a process began, as the kernel counts; empty for none, and for one that is dead and not yet reaped."""
    if not HAS_PROC:
        asked = _ask_ps("-o", "lstart=", "-p", str(pid))
        return asked.strip()
    fields = _stat(pid)
    return "" if not fields or fields[0] in "ZX" else fields[19]


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(pid, number)


def _all() -> Iterator[tuple[int, int, int, str]]:
    """Pid, parent, session and state of every process."""
    if not HAS_PROC:
        for line in _ask_ps("-A", "-o", "pid=,ppid=,sess=,stat=").splitlines():
            pid, parent, session, state = line.split()
            yield int(pid), int(parent), int(session, 0), state[0]
        return
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(folder.name)):
            yield int(folder.name), int(fields[1]), int(fields[3]), fields[0]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _ask_ps(*options: str) -> str:
    """The same where there is no /proc."""
    return subprocess.run(["ps", *options], capture_output=True, text=True, check=False).stdout


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
