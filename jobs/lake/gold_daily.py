"""Daily history as it is served: bars, actions and adjusted prices of gold, worked out from silver's versions."""

from collections.abc import Iterable
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
    GOLD_BARS_1D_VERSIONS,
    SILVER_ACTIONS,
    SILVER_BARS_1D,
)
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, exists, settle, stored
from transforms.adjust import NEAR, adjust_bars
from transforms.bars import Unit
from transforms.serving import serve_actions, serve_daily, suspect_actions, suspect_bars
from transforms.suspicion_rules import NEAR_DAYS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = structlog.get_logger()


def adjust_prices(settings: Settings, *, first: date, last: date, **how: Any) -> list[Settled]:
    """Serve the sessions of [first, last); of instruments whose past is told otherwise than before, all sessions.

    Bars near the range that are served already get the flags that those within it give them. gold.actions and
    gold.bars_1d_versions are committed last: a run that died before that finds again which instruments it had to work
    on.
    """
    tables = (GOLD_BARS_1D, GOLD_ADJUSTED_BARS_1D, GOLD_ACTIONS, GOLD_BARS_1D_VERSIONS)
    with job_run(ADJUST, settings, tables, first=str(first), last=str(last), **how) as run:
        if not exists(run, SILVER_BARS_1D):
            raise NoDataError(
                "there are no daily bars to serve",
                found=f"no table at {SILVER_BARS_1D.path(settings)}",
                remedy="build them: spark-submit jobs/build_daily.py",
            )
        units = Configuration(run.spark, settings, read_facts(settings)).units
        versions = read.table(run.spark, SILVER_BARS_1D, settings)
        actions = keep(
            stored(run, SILVER_ACTIONS).where("known_to IS NULL").transform(serve_actions, units=units)
        )
        affected = keep(_affected(run, versions, actions, first, last))

        def concerned(rows: "DataFrame") -> "DataFrame":
            return rows.transform(_of, affected, first, last)

        done = [_serve_bars(run, versions, actions, affected, units, first, last)]
        bars = stored(run, GOLD_BARS_1D)
        adjusted = bars.transform(concerned).transform(adjust_bars, actions=actions, closes=bars)
        told = versions.transform(concerned)
        done += [
            settle(run, GOLD_ADJUSTED_BARS_1D, adjusted, among=concerned, first=first, last=last),
            settle(run, GOLD_BARS_1D_VERSIONS, told, among=concerned, first=first, last=last),
            settle(run, GOLD_ACTIONS, actions.transform(suspect_actions, bars=bars)),
        ]
        for kept in (actions, affected):
            release(kept)
        for settled in done:
            log.info("prices_adjusted", **settled._asdict())
    return done


def _serve_bars(
    run: JobRun,
    versions: "DataFrame",
    actions: "DataFrame",
    affected: "DataFrame",
    units: "Iterable[Unit]",
    first: date,
    last: date,
) -> Settled:
    """Settle the range, and of the bars that may be flagged by it those that are served already."""
    from pyspark.sql import functions as F

    def flagged(rows: "DataFrame") -> "DataFrame":
        return rows.transform(_of, affected, _days_on(first, -NEAR_DAYS), _days_on(last, NEAR_DAYS))

    of_range = in_sessions(first, last)
    beside = (
        stored(run, GOLD_BARS_1D)
        .transform(flagged)
        .where(~of_range)
        .select("instrument_id", "session", F.lit(True).alias("is_served"))
    )
    served = (
        versions
        .where("known_to IS NULL")
        .transform(_of, affected, _days_on(first, -2 * NEAR_DAYS), _days_on(last, 2 * NEAR_DAYS))
        .transform(serve_daily, units=units)
        .transform(suspect_bars, actions=actions)
        .join(beside.hint("broadcast"), on=["instrument_id", "session"], how="left")
        .join(affected.hint("broadcast"), on="instrument_id", how="left")
        .where(of_range | F.col("is_affected") | F.col("is_served"))
        .drop("is_affected", "is_served")
    )
    return settle(run, GOLD_BARS_1D, served, among=flagged, first=first, last=last)


def _of(rows: "DataFrame", affected: "DataFrame", first: date, last: date) -> "DataFrame":
    """The rows with a session of [first, last), or of an affected instrument."""

    with_those = rows.join(affected.hint("broadcast"), on="instrument_id", how="left")
    in_range = in_sessions(first, last)
    return with_those.where(in_range | with_those["is_affected"]).drop("is_affected")


def _affected(
    run: JobRun, versions: "DataFrame", actions: "DataFrame", first: date, last: date
) -> "DataFrame":
    """The instruments whose bars or adjusted prices may differ in any session.

    Of theirs a session that is served already has other versions in silver than in gold, or actions are told otherwise
    than gold has them, or are compared with a close of the range.
    """
    from pyspark.sql import functions as F

    outside = (F.col("session") < F.lit(first)) | (F.col("session") >= F.lit(last))
    has = versions.where(outside).transform(_print_sessions)
    had = stored(run, GOLD_BARS_1D_VERSIONS).where(outside).transform(_print_sessions)
    changed_bars = had.join(has, on=list(had.columns), how="left_anti")
    near = (F.col("ex_date") >= F.date_sub(F.lit(first), NEAR)) & (
        F.col("ex_date") < F.date_add(F.lit(last), NEAR)
    )
    told = ["instrument_id", "ex_date", "kind", "amount", "ratio"]
    were, are = stored(run, GOLD_ACTIONS).select(*told), actions.select(*told)
    changed = were.exceptAll(are).unionByName(are.exceptAll(were))
    return (
        changed
        .unionByName(are.where(near))
        .select("instrument_id")
        .unionByName(changed_bars.select("instrument_id"))
        .distinct()
        .withColumn("is_affected", F.lit(True))
    )


def _print_sessions(versions: "DataFrame") -> "DataFrame":
    """A number for each instrument and session that says what all its versions are."""
    from pyspark.sql import functions as F

    names = GOLD_BARS_1D_VERSIONS.schema.names
    # a null leaves the hash as it is: where it stands has to count too
    of_row = F.xxhash64(*names, *[F.isnull(name) for name in names])
    return versions.groupBy("instrument_id", "session").agg(
        F.count("*").alias("versions"), F.bit_xor(of_row).alias("print")
    )


def _days_on(day: date, days: int) -> date:
    """A day so many days on, as far as there are days."""
    ordinal = day.toordinal() + days
    return date.fromordinal(min(max(ordinal, date.min.toordinal()), date.max.toordinal()))
