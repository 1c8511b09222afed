"""What the checks of completeness read beside the tables: configuration as frames, and the vendors' minutes."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.lake import read
from jobs.lake.history_tables import SILVER_VENDOR_BARS_1M
from jobs.lake.job_run import JobRun
from jobs.lake.session_range import in_sessions
from jobs.lake.settle import exists, stored
from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG, SILVER_QUOTES
from jobs.lake.trading_hours import Expected, Hours
from transforms.gaps import UNTIMED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HOURS = "calendar STRING, session DATE, opens TIMESTAMP, closes TIMESTAMP"
EXPECTED = "source STRING, instrument_id STRING, dataset STRING, calendar STRING, followed_from DATE, followed_to DATE"


def hours_frame(spark: "SparkSession", hours: Iterable[Hours]) -> "DataFrame":
    return _frame(spark, list(hours), Hours._fields, HOURS)


def expected_frame(spark: "SparkSession", expected: Iterable[Expected]) -> "DataFrame":
    return _frame(spark, list(expected), Expected._fields, EXPECTED)


def vendor_minutes(run: JobRun, *, first: date, last: date) -> "DataFrame":
    """The vendors' minutes of the sessions of [first, last) that hold now."""
    from pyspark.sql import functions as F

    # a minute of a session may be of the UTC date before or after it
    earliest = first - timedelta(1) if first > date.min else first
    latest = last + timedelta(1) if last < date.max else last
    near = (F.col("bar_start") >= F.lit(earliest)) & (F.col("bar_start") < F.lit(latest))
    return stored(run, SILVER_VENDOR_BARS_1M).where(near & F.col("known_to").isNull())


def streamed_bars(run: JobRun, *, sessions: Iterable[date]) -> "DataFrame":
    """The stream's bars of some sessions, none where there is no stream."""
    if exists(run, GOLD_BARS_1M) and exists(run, GOLD_BARS_1M_LOG):
        return read.newest_bars_of(run.spark, run.settings, sessions=sessions)
    return run.spark.createDataFrame([], GOLD_BARS_1M.schema)


def untimed_quotes(run: JobRun, *, first: date, last: date) -> "DataFrame":
    """Which sessions a source has told of whose quotes say no time: source, instrument_id, session."""
    from pyspark.sql import functions as F

    in_range = in_sessions(first, last)
    return (
        stored(run, SILVER_QUOTES)
        .where(in_range & F.col("source").isin(*UNTIMED))
        .select("source", "instrument_id", "session")
        .distinct()
    )


def _frame(spark: "SparkSession", rows: Sequence[Any], names: Sequence[str], schema: str) -> "DataFrame":
    """Rows as data of the plan."""
    if not rows:
        return spark.createDataFrame([], schema)
    import pyarrow

    columns = {name: [getattr(row, name) for row in rows] for name in names}
    return spark.createDataFrame(pyarrow.table(columns), schema)
