"""A driver whose clock is set back while it writes, and one that starts with it."""

import shutil
import struct
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.fault import Fault, Options, SkippedError
from tests.faults.kills import end
from tests.faults.lake import Lake

SOURCE = Path(__file__).with_suffix(".c")
SET_BACK = timedelta(minutes=10)


def set_back(lake: Lake, options: Options) -> None:
    """Ten minutes back in the middle of its batches; then kill -9, and another start under the same clock."""
    del options  # nothing is left to chance
    began = datetime.now(UTC)
    clock = lake.folder / "moved-by"
    _move(clock, timedelta())
    environment = {"LD_PRELOAD": str(_library(lake.folder)), "CLOCK_MOVED_BY": str(clock)}
    driver = lake.driver(max_offsets=500, environment=environment)
    lake.send(0.3)
    lake.wait_caught_up(driver)
    lake.meet(Fault("the driver's clock", "a step of ten minutes back", "between two batches"))
    _move(clock, -SET_BACK)
    lake.send(0.3)
    lake.wait_caught_up(driver)
    oldest = lake.tapehouse(
        "sql", f"SELECT count(*) FROM bronze.quotes WHERE ingest_time < '{began}'", "--format", "csv"
    )
    assert int(oldest.stdout.split()[-1]) > 0, f"no message came before {began}: the clock was not set back"
    lake.meet(Fault("driver", "kill -9", "and a start with that clock"))
    end(driver, half="all")
    lake.finish(lake.driver(max_offsets=500, environment=environment))


def _library(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        raise SkippedError("needs a C compiler (Debian: gcc)")
    made = folder / "clock.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(made), str(SOURCE)], check=True)
    return made


def _move(clock: Path, by: timedelta) -> None:
    """In place: programs have mapped the file."""
    with clock.open("r+b" if clock.exists() else "wb") as file:
        file.write(struct.pack("@l", int(by.total_seconds())))
