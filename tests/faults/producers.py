"""kill -9 of the producer: what it had sent comes again with its next start, and counts once."""

import time

from tapehouse.paths import VENV
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake, find_recording

LENGTH, ENDS_WITHIN = 30, 120


def killed(lake: Lake, options: Options) -> None:
    """Again and again in the middle of the tape, which the last one sends to its end."""
    chance = options.chance()
    driver = lake.driver(max_offsets=2_000)
    recording = find_recording()
    tape = ["--recording", recording] if recording else ["--seed", str(options.seed)]
    command = [VENV / "bin" / "tapehouse", "produce", *tape, "--in-seconds", str(LENGTH)]
    for _ in range(options.kills):
        producer = lake.program(command)
        after = chance.uniform(LENGTH / 5, LENGTH)
        lake.meet(Fault("producer", "kill -9", f"{after:.1f} s after its start"))
        time.sleep(after)
        producer.kill()
    producer = lake.program(command)
    assert producer.ended(seconds=ENDS_WITHIN) == 0, producer.last_words
    lake.finish(driver)
