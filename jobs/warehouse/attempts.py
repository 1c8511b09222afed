"""What an attempt to load is called: a name of its own, that begins with the time at which it began."""

import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

TIME = "%Y%m%dt%H%M%S"
LEFT_FOR = timedelta(days=1)


def new_attempt() -> str:
    return f"{datetime.now(UTC):{TIME}}_{secrets.token_hex(4)}"


def is_left(attempt: str) -> bool:
    """Whether it began more than a day ago: no load takes as long, it has died."""
    return attempt < f"{datetime.now(UTC) - LEFT_FOR:{TIME}}"


def remove_left_folders(folder: Path) -> None:
    """Remove what attempts that died have left on this machine's disk."""
    for one in folder.glob("*") if folder.exists() else ():
        if is_left(one.name):
            shutil.rmtree(one)
