"""Two drivers are started at once, as programs, again and again: one runs, the other says who does."""

import time

from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake

REFUSED_WITHIN = 180


def at_once(lake: Lake, options: Options) -> None:
    """The one that runs writes its part and is stopped before the next two; as often as there are to be kills."""
    for _ in range(options.kills):
        lake.meet(Fault("driver", "start", "of two at once"))
        pair = (lake.driver(), lake.driver())
        refused, other = _first_to_end(pair)
        words = refused.last_words
        assert refused.process.returncode == 1, f"ended with {refused.process.returncode}, not 1; {words}"
        assert f"pid {other.python} on " in refused.output, f"pid {other.python} is not named; {words}"
        lake.send(0.9 / options.kills)
        lake.wait_caught_up(other)
        lake.stop(other)
    lake.finish()


def _first_to_end(pair: tuple[Driver, Driver]) -> tuple[Driver, Driver]:
    """The one that ended, then the other."""
    deadline = time.monotonic() + REFUSED_WITHIN
    while time.monotonic() < deadline:
        for driver, other in (pair, pair[::-1]):
            if driver.process.poll() is not None:
                return driver, other
        time.sleep(0.1)
    raise AssertionError(f"two drivers run; {pair[0].last_words}; {pair[1].last_words}")
