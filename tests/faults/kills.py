"""kill -9 of the driver: at every failpoint, and at random instants."""

import re
import signal
import time

from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake
from tests.faults.services import is_alive

# A table's first commit of a driver is its epoch's, its second the first batch's: at the third a batch is behind it.
# What else would commit at the same time is held, so that each state between the commits is met.
BRONZE, SILVER, LOG, GOLD = "bronze.quotes", "silver.quotes", "gold.bars_1m_log", "gold.bars_1m"
FAILPOINTS = {
    "bronze alone has committed": f"{BRONZE}.after=kill@3,{SILVER}.before=hold@3,{LOG}.before=hold@3",
    "silver alone has committed": f"{SILVER}.after=kill@3,{BRONZE}.before=hold@3,{LOG}.before=hold@3",
    "gold alone has committed": f"{LOG}.after=kill@3,{BRONZE}.before=hold@3,{SILVER}.before=hold@3",
    "inside the gold write": f"{LOG}.inside=kill@3",
    "before the checkpoint commit": "checkpoint.before=kill@2",
    "inside the merge of gold": f"{GOLD}.inside=kill@2",
    "after the merge of gold": f"{GOLD}.after=kill@2",
}
DIES_WITHIN = 180
ENDS_WITHIN = 60  # seconds after the other half


def at_failpoints(lake: Lake, options: Options) -> None:
    """A driver dies at one failpoint after the other; the next start takes over what it left."""
    places = list(FAILPOINTS.items())
    options.chance().shuffle(places)
    for name, failpoints in places:
        lake.send(0.8 / len(places))
        lake.meet(Fault("driver", "kill -9", name))
        driver = lake.driver(failpoints=_in_step(failpoints, ahead=lake.tables_ahead()))
        code = driver.ended(seconds=DIES_WITHIN)
        assert code == -signal.SIGKILL, f"ended with {code}, not by kill -9; {driver.last_words}"
        driver.kill()  # whatever its other half has left
    lake.finish()


def _in_step(failpoints: str, *, ahead: set[str]) -> str:
    """The same moments for a driver that begins with a batch which the tables `ahead` hold already.

    They do not commit to it again, so that their third commit would be that of a later batch than the others'.
    """

    def earlier(found: re.Match[str]) -> str:
        table = found["place"].rpartition(".")[0]
        return f"{found['place']}={found['how']}@{2 if table in ahead else 3}"

    return re.sub(r"(?P<place>[a-z0-9_.]+)=(?P<how>[a-z]+)@3", earlier, failpoints)


def at_random_instants(lake: Lake, options: Options) -> None:
    """A driver, its JVM or its Python half dies at any moment after its start, again and again."""
    chance = options.chance()
    for _ in range(options.kills):
        lake.send(0.8 / options.kills)
        _kill_one(lake, half=chance.choice(["all", "java", "python"]), after=chance.uniform(0, 6))
    lake.finish()


def _kill_one(lake: Lake, *, half: str, after: float) -> None:
    driver = lake.driver(max_offsets=100)
    wait_for_a_batch(driver)
    lake.meet(Fault(f"driver ({half})", "kill -9", f"{after:.1f} s after its first batch"))
    time.sleep(after)
    end(driver, half=half)


def wait_for_a_batch(driver: Driver) -> None:
    driver.wait_for(lambda: driver.batches > 0, what="a first batch", seconds=DIES_WITHIN)


def end(driver: Driver, *, half: str) -> None:
    """kill -9 of a half, with which the other goes too, by itself."""
    python = driver.python
    driver.kill_half(half)
    driver.ended(seconds=ENDS_WITHIN)
    deadline = time.monotonic() + ENDS_WITHIN
    while is_alive(python):
        assert time.monotonic() < deadline, f"the Python half lives {ENDS_WITHIN} s after the JVM"
        time.sleep(0.1)
    driver.kill()  # what is left: workers of either half
