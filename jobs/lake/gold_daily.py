"""Daily history as it is served: bars, actions and adjusted prices of gold, worked out from silver's versions."""

from datetime import date
from typing import TYPE_CHECKING, Any

import structlog

from jobs.lake import read
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import NoDataError
from jobs.lake.history_tables import (
    ADJUST,
    GOLD_ACTIONS,
    GOLD_ADJUSTED_BARS_1D,
    GOLD_BARS_1D,
    SILVER_ACTIONS,
    SILVER_BARS_1D,
)
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, exists, settle, stored
from transforms.adjust import NEAR, adjust_bars
from transforms.serving import serve_actions, serve_daily

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

log = structlog.get_logger()


def adjust_prices(settings: Settings, *, first: date, last: date, **how: Any) -> list[Settled]:
    """Serve the sessions of [first, last); of instruments whose past is told otherwise than before, all sessions.

    gold.actions is committed last: a run that died before that finds again which instruments it had to work on.
    """
    tables = (GOLD_BARS_1D, GOLD_ADJUSTED_BARS_1D, GOLD_ACTIONS)
    with job_run(ADJUST, settings, tables, first=str(first), last=str(last), **how) as run:
        if not exists(run, SILVER_BARS_1D):
            raise NoDataError(
                "there are no daily bars to serve",
                found=f"no table at {SILVER_BARS_1D.path(settings)}",
                remedy="build them: spark-submit jobs/build_daily.py",
            )
        units = Configuration(run.spark, settings, read_facts(settings)).units
        known = read.table(run.spark, SILVER_BARS_1D, settings).where("known_to IS NULL")
        actions = keep(
            stored(run, SILVER_ACTIONS).where("known_to IS NULL").transform(serve_actions, units=units)
        )
        in_range = _between("session", first, last)
        affected = keep(_affected(run, known, actions, first, last))

        def concerned(rows: "DataFrame") -> "DataFrame":
            with_those = rows.join(affected.hint("broadcast"), on="instrument_id", how="left")
            return with_those.where(in_range | with_those["is_affected"]).drop("is_affected")

        served = known.transform(concerned).transform(serve_daily, units=units)
        done = [settle(run, GOLD_BARS_1D, served, among=concerned, first=first, last=last)]
        bars = stored(run, GOLD_BARS_1D)
        adjusted = bars.transform(concerned).transform(adjust_bars, actions=actions, closes=bars)
        done += [
            settle(run, GOLD_ADJUSTED_BARS_1D, adjusted, among=concerned, first=first, last=last),
            settle(run, GOLD_ACTIONS, actions),
        ]
        for kept in (actions, affected):
            release(kept)
        for settled in done:
            log.info("prices_adjusted", **settled._asdict())
    return done


def _affected(run: JobRun, known: "DataFrame", actions: "DataFrame", first: date, last: date) -> "DataFrame":
    """The instruments whose bars or adjusted prices may differ in any session.

    Theirs are bars of gold that silver does not hold any more as they are, actions that are told otherwise than gold
    has them, or actions that are compared with a close of the range.
    """
    from pyspark.sql import functions as F

    version = ["instrument_id", "source", "session", "known_from"]
    ended = stored(run, GOLD_BARS_1D).join(known.select(*version), on=version, how="left_anti")
    near = (F.col("ex_date") >= F.date_sub(F.lit(first), NEAR)) & (
        F.col("ex_date") < F.date_add(F.lit(last), NEAR)
    )
    told = ["instrument_id", "ex_date", "kind", "amount", "ratio"]
    had, has = stored(run, GOLD_ACTIONS).select(*told), actions.select(*told)
    changed = had.exceptAll(has).unionByName(has.exceptAll(had))
    return (
        changed
        .unionByName(has.where(near))
        .select("instrument_id")
        .unionByName(ended.select("instrument_id"))
        .distinct()
        .withColumn("is_affected", F.lit(True))
    )


def _between(column: str, first: date, last: date) -> "Column":
    from pyspark.sql import functions as F

    return (F.col(column) >= F.lit(first)) & (F.col(column) < F.lit(last))
