"""One command at a time changes an instance: a lock beside its folder, which ends with the process that holds it."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from jobs.lake.errors import UsageError


@contextmanager
def sole_use(folder: Path) -> Generator[None, None, None]:
    """Hold the instance in `folder`; refused while another command of this checkout does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise UsageError(
                f"another command of this checkout is at work on {folder}",
                found=f"pid {lock.read().strip() or 'unknown'}",
                remedy="wait for it, or stop it with Ctrl-C",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
