"""The jobs of history one after the other, in one Spark: from the raw bucket to what is served and what is missing."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.lake.daily_build import build_daily
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from jobs.lake.one_spark import OneSpark
from jobs.lake.settings import Settings
from jobs.lake.stop import StopRequest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# by what each needs of those before it; loading takes all that was fetched, whatever session it is of
STEPS: dict[str, Callable[..., Any]] = {
    "load_history": lambda settings, first, last, **how: load_history(settings, **how),
    "build_daily": build_daily,
    "adjust_prices": adjust_prices,
}


class Done(NamedTuple):
    """A step, what it says that it did, and how long it took."""

    step: str
    outcome: Any
    seconds: float


def run_batch(
    settings: Settings,
    *,
    first: date,
    last: date,
    wait: float = 0,
    start_spark: "Callable[[], SparkSession] | None" = None,
    stop_asked: Callable[[], bool] | None = None,
) -> Iterator[Done]:
    """Run the steps over the sessions of [first, last), one outcome each as it comes; the first error ends it.

    A step whose job runs elsewhere is waited for `wait` seconds.
    """
    stop = StopRequest()
    start = start_spark or OneSpark("batch", settings, stop)
    start()  # a step's seconds are its own
    how = {"wait": wait, "start_spark": start, "stop_asked": stop_asked or stop}
    for step, work in STEPS.items():
        began = time.monotonic()
        try:
            outcome = work(settings, first=first, last=last, **how)
        except Exception as error:
            later = list(STEPS)[list(STEPS).index(step) + 1 :]
            error.add_note(f"step {step} failed; not run: {', '.join(later) or 'none'}")
            raise
        yield Done(step, outcome, round(time.monotonic() - began, 3))
