"""A driver that is stopped before a commit, loses its lease meanwhile, and goes on."""

import time

from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.kills import wait_for_a_batch
from tests.faults.lake import Lake
from tests.faults.services import kill_and_start

# at its third commit to the log a batch is behind it
MOMENTS = {
    "between the lease's answer and Delta's snapshot": "gold.bars_1m_log.asked=stop@3",
    "between Delta's snapshot and its commit": "gold.bars_1m_log.inside=stop@3",
}
STOPS_WITHIN, GIVES_UP_WITHIN = 180, 180
# a lease that was not renewed for 60 s may be taken
LOST_AFTER = 62.0


def between_snapshot_and_commit(lake: Lake, options: Options) -> None:
    """The harder of the moments alone."""
    del options  # nothing is left to chance
    _chain(lake, list(MOMENTS)[1:])


def at_each_moment(lake: Lake, options: Options) -> None:
    """Each driver that takes over commits a batch and is stopped too, at the next moment."""
    del options  # nothing is left to chance
    _chain(lake, list(MOMENTS))


def taken_while_postgres_was_away(lake: Lake, options: Options) -> None:
    """PostgreSQL dies under a driver that stands still, and is back under another holder when it goes on."""
    del options  # nothing is left to chance
    first = lake.driver(max_offsets=200)
    lake.send(0.4)
    wait_for_a_batch(first)
    lake.meet(Fault("postgres", "kill -9", "while the driver is stopped, and another one takes over"))
    first.stand_still()
    kill_and_start(lake.instance, "postgres", dead_seconds=1)
    time.sleep(LOST_AFTER)
    second = lake.driver(max_offsets=200_000)
    lake.send(0.4)
    lake.wait_caught_up(second)
    _wake(first, taken_by=second)
    lake.finish(second)


def _chain(lake: Lake, moments: list[str]) -> None:
    """The last driver is not stopped: it writes the rest."""
    stopped: Driver | None = None
    for moment in moments:
        lake.send(0.8 / (len(moments) + 1))
        lake.meet(Fault("driver", "SIGSTOP", moment))
        driver = lake.driver(failpoints=MOMENTS[moment], max_offsets=200)
        driver.wait_for(lambda driver=driver: driver.is_stopped, what="its stop", seconds=STOPS_WITHIN)
        if stopped:
            _wake(stopped, taken_by=driver)
        stopped = driver
        time.sleep(LOST_AFTER)
    lake.send(0.8 / (len(moments) + 1))
    driver = lake.driver(max_offsets=200_000)
    lake.wait_caught_up(driver)
    _wake(stopped, taken_by=driver)
    lake.finish(driver)


def _wake(stopped: Driver, *, taken_by: Driver) -> None:
    """It may commit nothing more, and says who has its tables."""
    holder = f"pid {taken_by.python} on "
    stopped.go_on()
    code = stopped.ended(seconds=GIVES_UP_WITHIN)
    assert code == 1, f"the driver that was stopped ended with {code}; {stopped.last_words}"
    assert "are written by another driver" in stopped.output, f"no word of another; {stopped.last_words}"
    assert holder in stopped.output, f"{holder!r} is not named; {stopped.last_words}"
