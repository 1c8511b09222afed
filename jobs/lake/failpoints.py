"""Named places where a test kills, stops or holds a driver, or the loader of the warehouse.

TAPEHOUSE_FAILPOINTS="gold.bars_1m_log.inside=kill@3,silver.quotes.before=hold@3": at the third time that a place is
reached. Without it nothing is armed, and a place is a look into an empty dictionary.

TABLE.before     before the lease is asked for a commit
TABLE.asked      after it has answered, before Delta looks at the table
TABLE.inside     in a task of the write: after Delta's snapshot, before its commit
TABLE.after      after the commit
checkpoint.before   after all commits of a batch, before Spark writes that it is done
warehouse.STEP   of a load: put, copy, merge, receipt (before its commit), commit, publish
"""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jobs.lake.errors import SettingsError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SETTING = "TAPEHOUSE_FAILPOINTS"
ONE = re.compile(r"(?P<place>[a-z0-9_.]+)=(?P<action>kill|stop|hold)(@(?P<time>\d+))?")
HOLD_SECONDS = 120

_armed: dict[str, tuple[str, int]] = {}
_reached: Counter[str] = Counter()
# the driver's two halves: the JVM, and this process
_driver: list[int] = []


def arm(spark: "SparkSession | None" = None) -> None:
    """Read the setting; a program that is armed says so, so that none is by accident.

    It is a driver, which dies with its JVM, or without `spark` this process alone.
    """
    text = os.environ.get(SETTING)
    if not text:
        return
    for part in text.split(","):
        found = ONE.fullmatch(part.strip())
        if not found:
            raise SettingsError(
                f"{SETTING} cannot be read", found=part, remedy="write PLACE=kill|stop|hold[@TIME],..."
            )
        _armed[found["place"]] = (found["action"], int(found["time"] or 1))
    jvm = [int(spark._jvm.java.lang.ProcessHandle.current().pid())] if spark else []  # type: ignore[union-attr]
    _driver[:] = [*jvm, os.getpid()]
    import structlog

    structlog.get_logger().warning("failpoints_armed", places=text)


def reached(place: str) -> None:
    """Do what the place is armed with, if this is the time."""
    if action := _due(place):
        _do(action, _driver)


def inside(place: str, frame: "DataFrame") -> "DataFrame":
    """The frame, whose first row does what the place is armed with."""
    if action := _due(place):
        driver = list(_driver)

        def rows(batches: Iterator[Any]) -> Iterator[Any]:
            for batch in batches:
                _do(action, driver)
                yield batch

        return frame.mapInArrow(rows, frame.schema)
    return frame


def _due(place: str) -> str | None:
    if place not in _armed:
        return None
    _reached[place] += 1
    action, time_ = _armed[place]
    return action if _reached[place] == time_ else None


def _do(action: str, driver: list[int]) -> None:
    if action == "hold":
        time.sleep(HOLD_SECONDS)
        return
    number = signal.SIGKILL if action == "kill" else signal.SIGSTOP
    for pid in driver:
        os.kill(pid, number)
