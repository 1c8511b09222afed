"""A million messages of 500 symbols through sixty faults that the seed chooses, checked after every tenth."""

import random
import time

from tests.bench.symbols import write_instruments
from tests.bench.tape import Stretch, deliveries
from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.kills import end
from tests.faults.lake import Lake
from tests.faults.pauses import stand_still
from tests.faults.services import SERVICES, kill_and_start

MESSAGES, FAULTS, CHECK_EVERY = 1_000_000, 60, 10
HALVES = {"driver": "all", "driver's JVM": "java", "driver's Python half": "python"}
# in one batch: more would take longer to write than the fault lasts, less would take too many of them
BATCH = 10_000


def a_million(lake: Lake, options: Options) -> None:
    """What was killed is started once more, and writes all that was sent before the next fault."""
    lake.environment["TAPEHOUSE_INSTRUMENTS"] = str(write_instruments(lake.folder / "instruments.yaml"))
    lake.tape = [message for _, message in deliveries([Stretch(MESSAGES, 500)], seed=options.seed)]
    chance = options.chance()
    driver = lake.driver(max_offsets=BATCH)
    for number in range(1, FAULTS + 1):
        batches = driver.batches
        lake.send(0.95 / FAULTS)
        driver.wait_for(
            lambda driver=driver, batches=batches: driver.batches > batches,
            what="a batch before the fault",
            seconds=180,
        )
        time.sleep(chance.uniform(0, 4))
        driver = _meet_one(lake, driver, chance)
        lake.wait_caught_up(driver)
        if number % CHECK_EVERY == 0:
            lake.check()
    lake.finish(driver)


def _meet_one(lake: Lake, driver: Driver, chance: random.Random) -> Driver:
    """The driver that goes on."""
    target, seconds = chance.choice([*HALVES, *SERVICES]), chance.uniform(1, 15)
    if chance.random() < 1 / 3:
        return _pause(lake, driver, chance.choice([target, "everything"]), seconds=seconds)
    if target in SERVICES:
        return _kill_service(lake, driver, target, seconds=seconds)
    return _kill_driver(lake, driver, target)


def _kill_driver(lake: Lake, driver: Driver, target: str) -> Driver:
    lake.meet(Fault(target, "kill -9", "while batches are written"))
    end(driver, half=HALVES[target])
    return lake.driver(max_offsets=BATCH)


def _kill_service(lake: Lake, driver: Driver, target: str, *, seconds: float) -> Driver:
    lake.meet(Fault(target, "kill -9", f"away for {seconds:.1f} s"))
    kill_and_start(lake.instance, target, dead_seconds=seconds)
    return driver


def _pause(lake: Lake, driver: Driver, target: str, *, seconds: float) -> Driver:
    lake.meet(Fault(target, f"SIGSTOP for {seconds:.1f} s", "while batches are written"))
    stand_still(lake, driver, target, seconds=seconds)
    return driver
