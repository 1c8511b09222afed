"""A service that does not come back: the driver says so and ends, and the next start takes up the rest."""

from tests.faults.fault import Fault, Options
from tests.faults.kills import wait_for_a_batch
from tests.faults.lake import Lake
from tests.faults.services import kill_tree

# without PostgreSQL nobody knows whose the tables are: it is waited for, and then given up at once
TRIES = {"store": 5, "kafka": 5, "postgres": 0}
PATIENCE = {"TAPEHOUSE_LEASE_PATIENCE_SECONDS": "60"}
GIVES_UP_WITHIN = 900


def for_good(lake: Lake, options: Options) -> None:
    """Each service in turn, under a driver of its own."""
    del options  # nothing is left to chance
    for name, expected in TRIES.items():
        driver = lake.driver(max_offsets=500, environment=PATIENCE)
        lake.send(0.8 / len(TRIES))
        wait_for_a_batch(driver)
        lake.meet(Fault(name, "kill -9", "for good"))
        kill_tree(lake.instance, name)
        code = driver.ended(seconds=GIVES_UP_WITHIN)
        tries = driver.output.count("event=restart")
        assert code == 1, f"ended with {code}, not 1; {driver.last_words}"
        assert tries == expected, f"{tries} new tries, not {expected}; {driver.last_words}"
        lake.instance.start()
    lake.finish()
