"""What sources told of splits, dividends and daily bars, as versions: bronze.history into silver."""

from datetime import date
from typing import TYPE_CHECKING, Any

import structlog

from jobs.lake import read
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import NoDataError
from jobs.lake.history_actions import of_objects, split_versions_of, told_actions
from jobs.lake.history_tables import BRONZE_HISTORY, DAILY, SILVER_ACTIONS, SILVER_BARS_1D
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, exists, settle, stored
from transforms.actions import ACTIONS, dividend_versions
from transforms.daily import DAILY as BARS
from transforms.daily import check_daily, daily_versions, fetches_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = structlog.get_logger()


def build_daily(settings: Settings, *, first: date, last: date, **how: Any) -> list[Settled]:
    """Bring silver.actions, and the sessions of [first, last) of silver.bars_1d, to what bronze.history says.

    Of an instrument whose splits are told otherwise than before all sessions are worked out again. silver.actions is
    committed last: a run that died before that finds again which instruments these are.
    """
    tables = (SILVER_ACTIONS, SILVER_BARS_1D)
    with job_run(DAILY, settings, tables, first=str(first), last=str(last), **how) as run:
        if not exists(run, BRONZE_HISTORY):
            raise NoDataError(
                "there is no history to build from",
                found=f"no table at {BRONZE_HISTORY.path(settings)}",
                remedy="load it: spark-submit jobs/load_history.py",
            )
        configuration = Configuration(run.spark, settings, read_facts(settings))
        splits, actions = _actions(run, configuration)
        done = [_build_bars(run, configuration, splits, first, last), settle(run, SILVER_ACTIONS, actions)]
        for kept in (splits, actions):
            release(kept)
        for settled in done:
            log.info("daily_built", **settled._asdict())
    return done


def _actions(run: JobRun, configuration: Configuration) -> "tuple[DataFrame, DataFrame]":
    """The versions of all splits, and of all actions: a split of today is in all prices that are told from now on."""
    history = read.table(run.spark, BRONZE_HISTORY, run.settings)
    told = told_actions(history, configuration)
    splits = split_versions_of(history, told)
    answers = history.transform(fetches_of, dataset=ACTIONS)
    fetches = answers.where("NOT is_empty")
    dividends = told.transform(dividend_versions, fetches=fetches, splits=splits, complete=answers)
    actions = keep(splits.unionByName(dividends))
    release(told)
    return splits, actions


def _build_bars(
    run: JobRun, configuration: Configuration, splits: "DataFrame", first: date, last: date
) -> Settled:
    from pyspark.sql import functions as F

    history = read.table(run.spark, BRONZE_HISTORY, run.settings)
    in_range = in_sessions(first, last)
    affected = keep(_affected(run, splits))

    def concerned(rows: "DataFrame") -> "DataFrame":
        known = rows.join(F.broadcast(affected), on=["source", "instrument_id"], how="left")
        return known.where(in_range | F.col("is_affected")).drop("is_affected")

    # where a stamp's day is another one by another time zone
    overlaps = (F.col("last_session") >= F.date_sub(F.lit(first), 1)) & (
        F.col("first_session") <= F.date_add(F.lit(last), 1)
    )
    wanted = (
        (history.transform(of_objects, overlaps) if affected.isEmpty() else history)
        .transform(check_daily, listings=configuration.listings, sessions=configuration.sessions)
        .transform(concerned)
        .transform(
            daily_versions,
            fetches=history.transform(fetches_of, dataset=BARS).where("NOT is_empty"),
            splits=splits,
            complete=history.transform(fetches_of, dataset=ACTIONS),
        )
    )
    settled = settle(run, SILVER_BARS_1D, wanted, among=concerned, first=first, last=last)
    release(affected)
    return settled


def _affected(run: JobRun, splits: "DataFrame") -> "DataFrame":
    """The instruments of sources whose bars may differ in any session.

    Their splits are not those that are stored, or some bars wait for splits to be told.
    """
    from pyspark.sql import functions as F

    told = ["source", "instrument_id", "ex_date", "ratio", "known_from", "known_to"]
    had, has = stored(run, SILVER_ACTIONS).where("kind = 'split'").select(*told), splits.select(*told)
    waiting = stored(run, SILVER_BARS_1D).where("known_to IS NULL AND array_contains(flags, 'basis_unknown')")
    return (
        had
        .exceptAll(has)
        .unionByName(has.exceptAll(had))
        .select("source", "instrument_id")
        .unionByName(waiting.select("source", "instrument_id"))
        .distinct()
        .withColumn("is_affected", F.lit(True))
    )
