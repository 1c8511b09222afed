"""The disk under the checkpoint, or under the store, is full for a while: the same driver then goes on."""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options, SkippedError
from tests.faults.lake import Lake
from tests.faults.services import kill_and_start, kill_tree, outlast

CHECKPOINT_DISK, STORE_DISK = "2m", "400m"
NOTICED_WITHIN = 180
PIECE = 65536


def full_under_checkpoint(lake: Lake, options: Options) -> None:
    """What Spark cannot note of a batch it repeats."""
    chance = options.chance()
    with small_disk(lake.folder / "small", CHECKPOINT_DISK) as disk:
        driver = lake.driver(
            max_offsets=500, environment={"TAPEHOUSE_CHECKPOINTS": str(disk / "checkpoints")}
        )
        fault = Fault("the disk under the checkpoint", "filling", "while batches are written")
        outlast(
            lake,
            driver,
            fault,
            lambda: _fill_until_noticed(disk, driver),
            share=0.8,
            after=chance.uniform(0, 3),
        )
        lake.finish(driver)


def full_under_store(lake: Lake, options: Options) -> None:
    """The store moves to a small disk, and back when all is done.

    SeaweedFS may write nothing more after its disk was full, until it is started anew.
    """
    chance = options.chance()
    data, aside = lake.instance.folder / "store", lake.folder / "store"
    kill_tree(lake.instance, "store")
    data.rename(aside)
    data.mkdir(mode=0o700)
    try:
        with small_disk(data, STORE_DISK):
            shutil.copytree(aside, data, dirs_exist_ok=True)
            lake.instance.start()
            driver = lake.driver(max_offsets=500)

            def fill() -> None:
                _fill_until_noticed(data, driver)
                kill_and_start(lake.instance, "store", dead_seconds=0)

            fault = Fault("the disk under the store", "filling", "while batches are written")
            outlast(lake, driver, fault, fill, share=0.8, after=chance.uniform(0, 3))
            lake.finish(driver)
            kill_tree(lake.instance, "store")
    finally:
        data.rmdir()
        aside.rename(data)
        lake.instance.start()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Generator[Path, None, None]:
    """A file system of its own in memory, mounted on `folder` for the length of a block."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tapehouse", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        raise SkippedError(f"only root mounts a small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill_until_noticed(disk: Path, driver: Driver) -> None:
    """No byte is free until the driver has said that it tries again."""
    seen = driver.output.count("event=restart")
    ballast = disk / "ballast"
    _fill(ballast)
    try:
        driver.wait_for(
            lambda: driver.output.count("event=restart") > seen, what="a new try", seconds=NOTICED_WITHIN
        )
    finally:
        ballast.unlink()


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast:
        for size in (PIECE, 1):
            try:
                while True:
                    os.write(ballast.fileno(), b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
