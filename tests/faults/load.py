"""Two minutes of quotes of 500 symbols at a steady rate, to a driver with nothing in its way."""

import time

from tests.bench.symbols import write_instruments
from tests.bench.tape import Stretch, deliveries
from tests.faults.fault import Options
from tests.faults.kills import wait_for_a_batch
from tests.faults.lake import Lake

RATE, SECONDS, EVERY = 1_000, 120, 2


def two_minutes(lake: Lake, options: Options) -> None:
    """Nothing may be lost, doubled, or left behind; how fast it is `make bench` measures."""
    lake.environment["TAPEHOUSE_INSTRUMENTS"] = str(write_instruments(lake.folder / "instruments.yaml"))
    lake.tape = [message for _, message in deliveries([Stretch(RATE * SECONDS, RATE)], seed=options.seed)]
    driver = lake.driver(max_offsets=200_000)
    begin = time.monotonic()
    for number in range(SECONDS // EVERY):
        time.sleep(max(0.0, begin + number * EVERY - time.monotonic()))
        lake.send(EVERY / SECONDS)
    wait_for_a_batch(driver)
    lake.finish(driver)
