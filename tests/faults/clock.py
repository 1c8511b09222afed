"""A driver whose clock is set back while it writes, and one that starts with it."""

import time
from pathlib import Path

from tests.faults.fault import Fault, Options, SkippedError
from tests.faults.kills import end
from tests.faults.lake import Lake

LIBRARIES = Path("/usr/lib")
SET_BACK_SECONDS = 600
LOOKS_EVERY = 1.0  # seconds: the library reads the file as often


def set_back(lake: Lake, options: Options) -> None:
    """Ten minutes back in the middle of its batches; then kill -9, and another start under the same clock."""
    del options  # nothing is left to chance
    library = next(LIBRARIES.glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise SkippedError("needs libfaketime (Debian: faketime)")
    clock = lake.folder / "clock"
    clock.write_text("+0\n")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": f"{LOOKS_EVERY:.0f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    driver = lake.driver(max_offsets=500, environment=environment)
    lake.send(0.3)
    lake.wait_caught_up(driver)
    lake.meet(Fault("the driver's clock", "a step of ten minutes back", "between two batches"))
    clock.write_text(f"-{SET_BACK_SECONDS}\n")
    time.sleep(3 * LOOKS_EVERY)
    lake.send(0.3)
    lake.wait_caught_up(driver)
    assert time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.time() - SET_BACK_SECONDS))[:15] in driver.output
    lake.meet(Fault("driver", "kill -9", "and a start with that clock"))
    end(driver, half="all")
    lake.finish(lake.driver(max_offsets=500, environment=environment))
