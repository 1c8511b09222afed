"""Minute bars: what vendors told of them as versions, bronze.history into silver, and what is served of all in gold."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from jobs.lake import read
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import NoDataError
from jobs.lake.history import find_table
from jobs.lake.history_actions import of_objects, split_versions_of, told_actions
from jobs.lake.history_tables import BRONZE_HISTORY, GOLD_MINUTES, MINUTES, SILVER_VENDOR_BARS_1M
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, exists, settle, stored
from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG
from transforms.actions import ACTIONS
from transforms.basis import SPLIT_ADJUSTED
from transforms.daily import fetches_of
from transforms.minutes import MINUTES as BARS
from transforms.minutes import check_minutes, minute_versions
from transforms.serve_minutes import serve_minutes

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

log = structlog.get_logger()


class Scope(NamedTuple):
    """What a run works on: the sessions in [first, last), and all of the `affected` instruments."""

    first: date
    last: date
    affected: tuple[str, ...]

    def is_concerned(self) -> "Column":
        from pyspark.sql import functions as F

        in_range = in_sessions(self.first, self.last)
        return in_range | F.col("instrument_id").isin(list(self.affected)) if self.affected else in_range

    def keep_concerned(self, rows: "DataFrame") -> "DataFrame":
        return rows.where(self.is_concerned())

    def may_hold(self) -> "Column":
        """Of row 0 of an object: that lines of it may be concerned."""
        from pyspark.sql import functions as F

        # where a stamp's day is another one by another time zone
        overlaps = (F.col("last_session") >= F.lit(self.first - timedelta(1))) & (
            F.col("first_session") <= F.lit(self.last + timedelta(1))
        )
        # an object that was not asked for one instrument may hold any
        of_affected = F.col("asked_for").isNull() | F.col("asked_for").isin(list(self.affected))
        return (F.col("dataset") == BARS) & ((overlaps | of_affected) if self.affected else overlaps)


def build_minutes(settings: Settings, *, first: date, last: date, **how: Any) -> list[Settled]:
    """Bring the sessions of [first, last) of silver.vendor_bars_1m and gold.minutes to what bronze and the stream say.

    Of an instrument whose splits may change its minutes all sessions are worked out again. silver is committed last:
    a run that died before that finds again which instruments these are.
    """
    tables = (SILVER_VENDOR_BARS_1M, GOLD_MINUTES)
    with job_run(MINUTES, settings, tables, first=str(first), last=str(last), **how) as run:
        _refuse_without_minutes(settings)
        configuration = Configuration(run.spark, settings, read_facts(settings))
        splits = _splits(run, configuration)
        scope = Scope(first, last, _affected(run, splits))
        versions = keep(_versions(run, configuration, splits, scope))
        served = _streamed(run, scope).transform(
            serve_minutes, told=versions.where("known_to IS NULL"), units=configuration.units
        )
        done = [
            settle(run, GOLD_MINUTES, served, among=scope.keep_concerned, first=first, last=last),
            settle(run, SILVER_VENDOR_BARS_1M, versions, among=scope.keep_concerned, first=first, last=last),
        ]
        for kept in (splits, versions):
            release(kept)
        for settled in done:
            log.info("minutes_built", **settled._asdict())
    return done


def _refuse_without_minutes(settings: Settings) -> None:
    """Before a Spark is started: a lake of days alone has nothing to build."""
    import pyarrow.compute as pc

    found = f"no {GOLD_BARS_1M.name}, no {BRONZE_HISTORY.name}"
    if find_table(GOLD_BARS_1M, settings) or find_table(SILVER_VENDOR_BARS_1M, settings):
        return
    if history := find_table(BRONZE_HISTORY, settings):
        of_minutes = (pc.field("row") == 0) & (pc.field("dataset") == BARS)
        if history.to_pyarrow_dataset().count_rows(filter=of_minutes):
            return
        found = f"no {GOLD_BARS_1M.name}, and no object of {BARS} in {BRONZE_HISTORY.name}"
    raise NoDataError(
        "there are no minutes to build from",
        found=found,
        remedy="load history (spark-submit jobs/load_history.py), or start the stream",
    )


def _versions(run: JobRun, configuration: Configuration, splits: "DataFrame", scope: Scope) -> "DataFrame":
    history = stored(run, BRONZE_HISTORY)
    return (
        history
        .transform(of_objects, scope.may_hold())
        .transform(check_minutes, listings=configuration.listings, sessions=configuration.sessions)
        .transform(scope.keep_concerned)
        .transform(
            minute_versions,
            fetches=history.transform(fetches_of, dataset=BARS).where("NOT is_empty"),
            splits=splits,
            complete=history.transform(fetches_of, dataset=ACTIONS),
        )
    )


def _splits(run: JobRun, configuration: Configuration) -> "DataFrame":
    history = stored(run, BRONZE_HISTORY)
    told = told_actions(history, configuration)
    splits = split_versions_of(history, told)
    release(told)
    return splits


def _affected(run: JobRun, splits: "DataFrame") -> tuple[str, ...]:
    """The instruments whose minutes may differ in any session.

    They have minutes on a split-adjusted basis before a split that was told at any time, or some that wait for splits
    to be told.
    """
    from pyspark.sql import functions as F

    minutes = stored(run, SILVER_VENDOR_BARS_1M)
    adjusted = minutes.where(F.col("basis") == SPLIT_ADJUSTED)
    oldest = adjusted.groupBy("source", "instrument_id").agg(F.min("session").alias("oldest"))
    before_split = oldest.join(splits, on=["source", "instrument_id"]).where("oldest < ex_date")
    waiting = minutes.where("known_to IS NULL AND array_contains(flags, 'basis_unknown')")
    found = before_split.select("instrument_id").unionByName(waiting.select("instrument_id")).distinct()
    return tuple(sorted(row.instrument_id for row in found.collect()))


def _streamed(run: JobRun, scope: Scope) -> "DataFrame":
    """The stream's bars that are concerned, none where there is no stream."""
    if not (exists(run, GOLD_BARS_1M) and exists(run, GOLD_BARS_1M_LOG)):
        return run.spark.createDataFrame([], GOLD_BARS_1M.schema)
    return read.newest_bars_where(run.spark, run.settings, wanted=scope.is_concerned())
