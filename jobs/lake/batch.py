"""The jobs of history one after the other, in one Spark: from the raw bucket to what is served and what is missing."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from jobs.lake.completeness import check_completeness
from jobs.lake.daily_build import build_daily
from jobs.lake.errors import NoDataError
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from jobs.lake.indicators_daily import compute_indicators
from jobs.lake.minutes_build import build_minutes
from jobs.lake.one_spark import OneSpark
from jobs.lake.parity import Compared, check_parity
from jobs.lake.reconciliation import reconcile_sources
from jobs.lake.reference import publish_reference
from jobs.lake.settings import Settings
from jobs.lake.stop import StopRequest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = structlog.get_logger()
# by what each needs of those before it; loading takes all that was fetched, whatever session it is of
STEPS: dict[str, Callable[..., Any]] = {
    "publish_reference": lambda settings, first, last, **how: publish_reference(settings, **how),
    "load_history": lambda settings, first, last, **how: load_history(settings, **how),
    "build_daily": build_daily,
    "adjust_prices": adjust_prices,
    "compute_indicators": compute_indicators,
    "build_minutes": build_minutes,
    "check_completeness": check_completeness,
    "reconcile_sources": reconcile_sources,
    "check_parity": lambda settings, **how: _parity(check_parity(settings, **how)),
}


def _parity(found: Iterable[Compared]) -> dict[str, int]:
    """How many numbers were compared and how many differ, by kind; the ledger has them by column."""
    counts: Counter[str] = Counter()
    for one in found:
        counts[f"compared as {one.kind}"] += one.compared
        counts[f"mismatched as {one.kind}"] += one.mismatched
    return dict(counts)


class Done(NamedTuple):
    """A step, what it says that it did, None where it had nothing to work on, and how long it took."""

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
        except NoDataError as error:
            # a lake of minutes alone has no daily bars, one of days alone no minutes
            log.info("step_has_nothing", step=step, reason=error.what, found=error.found)
            outcome = None
        except Exception as error:
            later = list(STEPS)[list(STEPS).index(step) + 1 :]
            error.add_note(f"step {step} failed; not run: {', '.join(later) or 'none'}")
            raise
        yield Done(step, outcome, round(time.monotonic() - began, 3))
