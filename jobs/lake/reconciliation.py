"""Sources against each other: gold.discrepancies, and the list of what somebody has to look at."""

from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import structlog

from jobs.lake import read
from jobs.lake.check_frames import hours_frame, vendor_minutes
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import NoDataError
from jobs.lake.history_tables import GOLD_DISCREPANCIES, RECONCILE, SILVER_BARS_1D
from jobs.lake.instruments import read_instruments
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.kept import keep, release
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, exists, settle
from jobs.lake.trading_hours import hours_of
from jobs.lake.work_list import LOOK, Work, WorkList
from transforms.discrepancies import FAIL, find_discrepancies

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LISTED = "instrument_id STRING, calendar STRING, listed_from DATE, listed_to DATE"
log = structlog.get_logger()


def reconcile_sources(settings: Settings, *, first: date, last: date, **how: Any) -> Settled:
    """Bring the sessions of [first, last) of gold.discrepancies to how the versions that hold now differ.

    The ledger's list of what to look at follows: one for each that fails.
    """
    from pyspark.sql import functions as F

    def concerned(rows: "DataFrame") -> "DataFrame":
        return rows.where(in_sessions(first, last))

    with job_run(RECONCILE, settings, (GOLD_DISCREPANCIES,), first=str(first), last=str(last), **how) as run:
        if not exists(run, SILVER_BARS_1D):
            raise NoDataError(
                "there are no daily bars to compare",
                found=f"no table at {SILVER_BARS_1D.path(settings)}",
                remedy="build them: spark-submit jobs/build_daily.py",
            )
        units = Configuration(run.spark, settings, read_facts(settings)).units
        known = read.table(run.spark, SILVER_BARS_1D, settings)
        known = known.where("known_to IS NULL AND NOT array_contains(flags, 'closed_day')")
        since = known.groupBy("source", "instrument_id").agg(F.min("session").alias("first_session"))
        found = keep(
            known.transform(concerned).transform(
                find_discrepancies,
                since=since,
                minutes=_regular_minutes(run, first, last).transform(concerned),
                units=units,
            )
        )
        settled = settle(
            run, GOLD_DISCREPANCIES, found, among=concerned, even_empty=True, first=first, last=last
        )
        with closing(WorkList(settings)) as work:
            work.keep(LOOK, _looks(found), first=first, last=last)
            log.info("sources_reconciled", **settled._asdict(), **work.counts()[LOOK])
        release(found)
    return settled


def _regular_minutes(run: JobRun, first: date, last: date) -> "DataFrame":
    """The vendors' minutes of the regular sessions, and how many were `expected` in each."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    instruments = read_instruments(run.settings.instruments)
    listed = sorted({
        (one.instrument_id, one.calendar, one.listed_from, one.listed_to) for one in instruments.listings
    })
    names = {calendar for _, calendar, *_ in listed}
    found = vendor_minutes(run, first=first, last=last)
    parts = hours_frame(run.spark, hours_of(names, first=first, last=last, over_by=datetime.now(UTC)))
    length = (F.unix_timestamp("closes") - F.unix_timestamp("opens")) / 60
    of_session = Window.partitionBy("calendar", "session")
    hours = parts.withColumn("expected", F.sum(length).over(of_session))
    listings = run.spark.createDataFrame(listed, LISTED)
    was_listed = (F.col("session") >= F.col("listed_from")) & (F.col("session") < F.col("listed_to"))
    # an instrument that moved to another exchange has the one of that day
    of_calendar = (
        found
        .select("instrument_id", "session")
        .distinct()
        .join(F.broadcast(listings), on="instrument_id")
        .where(was_listed)
        .groupBy("instrument_id", "session")
        .agg(F.min("calendar").alias("calendar"))
    )
    in_hours = (F.col("bar_start") >= F.col("opens")) & (F.col("bar_start") < F.col("closes"))
    return (
        found
        .join(of_calendar, on=["instrument_id", "session"])
        .join(F.broadcast(hours), on=["calendar", "session"])
        .where(in_hours)
        .select(*found.columns, "expected")
    )


def _looks(found: "DataFrame") -> list[Work]:
    return [
        Work(
            f"{row.instrument_id} {row.session} {row.field} {row.source} {row.other_source}",
            row.source,
            row.instrument_id,
            row.session,
            row.field,
            f"{row.source} {row.value.normalize():f}, {row.other_source} {row.other_value.normalize():f}",
        )
        for row in found.where(found["severity"] == FAIL).collect()
    ]
