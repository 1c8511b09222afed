"""Indicators as they are served: gold.indicators_1d, worked out from the adjusted bars of gold."""

from datetime import date
from typing import TYPE_CHECKING, Any

import structlog

from jobs.lake import read
from jobs.lake.errors import NoDataError
from jobs.lake.history_tables import COMPUTE, GOLD_ADJUSTED_BARS_1D, GOLD_INDICATORS_1D
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, exists, settle, stored
from transforms.indicators import BASIS, REVISION, fingerprint, indicators_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = structlog.get_logger()


def compute_indicators(settings: Settings, *, first: date, last: date, **how: Any) -> Settled:
    """Work out the indicators of all instruments that have a bar in [first, last), of all their sessions.

    And of those whose rows are of other bars than there are now, whatever their sessions: after any runs the table
    holds what one over all sessions would have made of it, revisions aside.
    """
    tables = (GOLD_INDICATORS_1D,)
    with job_run(COMPUTE, settings, tables, first=str(first), last=str(last), **how) as run:
        if not exists(run, GOLD_ADJUSTED_BARS_1D):
            raise NoDataError(
                "there are no adjusted prices to work indicators out from",
                found=f"no table at {GOLD_ADJUSTED_BARS_1D.path(settings)}",
                remedy="make them: spark-submit jobs/adjust_prices.py",
            )
        bars = read.table(run.spark, GOLD_ADJUSTED_BARS_1D, settings).where(f"basis = '{BASIS}'")
        concerned = keep(_concerned(run, bars, first, last))

        def among(rows: "DataFrame") -> "DataFrame":
            return rows.join(concerned.hint("broadcast"), on="instrument_id", how="left_semi")

        wanted = bars.transform(among).transform(indicators_of)
        done = settle(run, GOLD_INDICATORS_1D, wanted, among=among, revision=REVISION, first=first, last=last)
        release(concerned)
        log.info("indicators_computed", **done._asdict())
    return done


def _concerned(run: JobRun, bars: "DataFrame", first: date, last: date) -> "DataFrame":
    """The instruments with a bar in the range, and those whose rows do not fit their bars."""

    in_range = bars.where(in_sessions(first, last))
    has, had = bars.transform(fingerprint), stored(run, GOLD_INDICATORS_1D).transform(fingerprint)
    differs = has.exceptAll(had).unionByName(had.exceptAll(has))
    return in_range.select("instrument_id").unionByName(differs.select("instrument_id")).distinct()
