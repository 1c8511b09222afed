"""Processes that outlive the command that starts them, known by pid and start time, never by name."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Started:
    """A process that was started here; `born` tells it from a later one with the same pid."""

    pid: int
    born: str


def start(
    arguments: Sequence[str],
    *,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
    user: str | None = None,
) -> Started:
    """Start a process in a session of its own, its output appended to `log`."""
    as_user: dict[str, object] = {"user": user, "group": _group_of(user), "extra_groups": []} if user else {}
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
    return Started(process.pid, birth(process.pid))


def run(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], user: str | None = None
) -> str:
    """Run a short command to its end; its output, or CalledProcessError."""
    as_user: dict[str, object] = {"user": user, "group": _group_of(user), "extra_groups": []} if user else {}
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        **as_user,  # type: ignore[call-overload]
    )
    return str(done.stdout)


def is_alive(process: Started) -> bool:
    """Whether this very process runs; a zombie of ours is reaped on the way."""
    with contextlib.suppress(ChildProcessError):  # not our child: an earlier command started it
        os.waitpid(process.pid, os.WNOHANG)
    return birth(process.pid) == process.born != ""


def stop(process: Started, *, by: signal.Signals, patience: float) -> None:
    """Ask the process to end, wait, and kill its whole session if it does not."""
    if not is_alive(process):
        return
    os.kill(process.pid, by)
    if not ends_within(process, patience):
        kill(process)


def kill(process: Started) -> None:
    """kill -9 of the process and of what it started in its session."""
    if is_alive(process):
        os.killpg(process.pid, signal.SIGKILL)
        ends_within(process, 10)


def ends_within(process: Started, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def birth(pid: int) -> str:
    """When a process began, as the kernel counts; empty for none, and for one that is dead and not yet reaped."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    return "" if state in "ZX" else rest[18]


def _birth_by_ps(pid: int) -> str:
    """The same where there is no /proc."""
    asked = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip()


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid
