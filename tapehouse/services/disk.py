"""Room on the disk, looked at before anything starts that would fail without it."""

import shutil
from pathlib import Path

from jobs.lake.errors import ServiceError

LEAST = 1024**3


def room_under(folder: Path) -> tuple[Path, int]:
    """The nearest folder that exists, and the free bytes of its disk."""
    existing = next(part for part in (folder, *folder.parents) if part.exists())
    return existing, shutil.disk_usage(existing).free


def refuse_full_disk(folder: Path) -> None:
    existing, free = room_under(folder)
    if free < LEAST:
        raise ServiceError(
            f"the disk under {existing} is nearly full",
            found=f"{free / 1024**2:.0f} MiB free, {LEAST / 1024**2:.0f} MiB are needed",
            remedy="make room, for example with `make clean`",
        )
