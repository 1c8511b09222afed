"""Two ways to one number, compared and noted in the ledger: the stream against a batch, minutes against days."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from jobs.lake import read
from jobs.lake.alerts import Alerts
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import NoDataError
from jobs.lake.history import find_table
from jobs.lake.history_tables import GOLD_BARS_1D, GOLD_MINUTES, GOLD_SESSIONS
from jobs.lake.instruments import read_instruments
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.rebuild_days import Day, Wanted, find_days
from jobs.lake.rebuild_frames import SessionFrames
from jobs.lake.reference import frame_of, session_rows
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.settle import exists, stored
from jobs.lake.tables import GOLD_BARS_1M, STREAM_TABLES
from transforms.parity import compare_days, compare_minutes
from transforms.rollup import keep_regular, roll_up

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PARITY = "check_parity"
STREAM_AND_BATCH, MINUTES_AND_DAY = KINDS = ("stream_and_batch", "minutes_and_day")
ALERT = "parity"
log = structlog.get_logger()


class Compared(NamedTuple):
    """Of one session and column: how many were compared, how many differ, and the largest difference."""

    kind: str
    session: date
    column: str
    compared: int
    mismatched: int
    worst: float | None


def check_parity(settings: Settings, *, first: date, last: date, **how: Any) -> list[Compared]:
    """Compare the sessions of [first, last), and note it; a session whose stream's bars differ is an open alert.

    A session with a bar that is not final is left out of the stream's comparison: it goes on.
    """
    if not (find_table(GOLD_BARS_1M, settings) or find_table(GOLD_MINUTES, settings)):
        raise _nothing_to_compare(first, last)
    with (
        job_run(PARITY, settings, (), first=str(first), last=str(last), **how) as run,
        closing(Alerts(settings)) as alerts,
    ):
        found = []
        for day in _streamed_days(run, first, last):
            compared = _compare_stream(run, day)
            found += compared
            _tell(alerts, day.session, compared)
            run.may_go_on(f"the stream's bars of {day.session}")
        found += _compare_days(run, first, last)
        if not found:
            raise _nothing_to_compare(first, last)
        for kind, session in dict.fromkeys((one.kind, one.session) for one in found):
            counts = [one[2:] for one in found if (one.kind, one.session) == (kind, session)]
            run.ledger.record_parity(kind, session, counts)
    return found


def _nothing_to_compare(first: date, last: date) -> NoDataError:
    return NoDataError(
        f"there is nothing to compare in [{first}, {last})",
        found="no final bars of the stream, and no minutes of a day that has a daily bar",
        remedy="choose other days, or build minutes and days first",
    )


def _streamed_days(run: JobRun, first: date, last: date) -> list[Day]:
    """The sessions of the range that bronze or gold.bars_1m has anything of; none where there is no stream."""
    if not all(exists(run, table) for table in STREAM_TABLES):
        return []
    configuration = Configuration(run.spark, run.settings, read_facts(run.settings))
    try:
        return find_days(run.spark, run.settings, configuration, Wanted.of((GOLD_BARS_1M.name,), first, last))
    except NoDataError:
        return []  # nothing was streamed; minutes and days may be there


def _compare_stream(run: JobRun, day: Day) -> list[Compared]:
    from pyspark.sql import functions as F

    streamed = read.newest_bars_where(run.spark, run.settings, wanted=F.col("session") == F.lit(day.session))
    if not streamed.where("NOT is_final").isEmpty():
        log.info("parity_waits", session=str(day.session), reason="some of its bars are not final")
        return []
    configuration = Configuration(run.spark, run.settings, read_facts(run.settings))
    frames = SessionFrames(run.spark, run.settings, configuration, day.session, kafka_dates=day.kafka_dates)
    compared = streamed.transform(compare_minutes, again=frames.bars_again())
    found = list(_collect(STREAM_AND_BATCH, compared))
    frames.release()
    return found


def _compare_days(run: JobRun, first: date, last: date) -> list[Compared]:

    in_range = in_sessions(first, last)
    hours = frame_of(run.spark, session_rows(read_instruments(run.settings.instruments)), GOLD_SESSIONS)
    regular = stored(run, GOLD_MINUTES).where(in_range).transform(keep_regular, hours=hours)
    days = stored(run, GOLD_BARS_1D).where(in_range)
    return list(_collect(MINUTES_AND_DAY, regular.transform(roll_up).transform(compare_days, days=days)))


def _collect(kind: str, counted: "DataFrame") -> Iterator[Compared]:
    for row in counted.collect():
        yield Compared(kind, row.session, row.column_name, row.compared, row.mismatched, row.worst)


def _tell(alerts: Alerts, session: date, compared: list[Compared]) -> None:
    """Open the alert of a session whose bars differ, and close it where they were compared and do not."""
    subject = f"{GOLD_BARS_1M.name} {session}"
    differ = [one for one in compared if one.mismatched]
    if differ:
        told = ", ".join(f"{one.column} {one.mismatched} of {one.compared}" for one in differ)
        days = f"--from {session} --to {date.fromordinal(session.toordinal() + 1)}"
        alerts.open(
            ALERT,
            subject,
            found=f"the stream's bars are not those of bronze: {told}",
            remedy=f"stop the stream, then spark-submit jobs/rebuild.py {days}",
        )
    elif compared:
        alerts.close_alert(ALERT, subject)
