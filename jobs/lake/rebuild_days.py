"""Which sessions a rebuild has to look at: those of bronze's messages, and those that a table holds."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake import history, read
from jobs.lake.arguments import REBUILT, refuse_empty_range
from jobs.lake.configuration import Configuration
from jobs.lake.errors import NoDataError
from jobs.lake.rebuild_frames import judge
from jobs.lake.session_range import in_sessions
from jobs.lake.settings import Settings
from jobs.lake.tables import BRONZE_QUOTES, GOLD_BARS_1M, GOLD_BARS_1M_LOG, SILVER_QUOTES
from transforms.rebuilds import with_days

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Row, SparkSession

HOLD_SESSIONS = (SILVER_QUOTES, GOLD_BARS_1M, GOLD_BARS_1M_LOG)


class Wanted(NamedTuple):
    """Tables in the order of `REBUILT`, and the sessions in [first, last)."""

    tables: tuple[str, ...]
    first: date
    last: date

    @classmethod
    def of(cls, tables: "Sequence[str] | None", first: date, last: date) -> "Wanted":
        refuse_empty_range(first, last)
        return cls(tuple(name for name in REBUILT if name in (tables or REBUILT)), first, last)


class Day(NamedTuple):
    """A session: how many messages of bronze are of it, or were taken to be, and on which Kafka dates they came."""

    session: date
    messages: int
    kafka_dates: frozenset[date]


def find_days(
    spark: "SparkSession", settings: Settings, configuration: Configuration, wanted: Wanted
) -> list[Day]:
    """The sessions of the range in their order; a range without any is an error."""
    came = _count_messages(spark, settings, configuration, wanted)
    found = {day for row in came for day in row.days}
    found |= set[date]().union(*(history.days_of(table, settings) for table in HOLD_SESSIONS))
    days = sorted(day for day in found if wanted.first <= day < wanted.last)
    if not days:
        raise NoDataError(
            f"neither bronze nor another table holds anything of [{wanted.first}, {wanted.last})",
            found=f"days from {min(found)} to {max(found)}" if found else "nothing after it either",
            remedy="choose other days",
        )
    return [_day(day, [row for row in came if day in row.days]) for day in days]


def _count_messages(
    spark: "SparkSession", settings: Settings, configuration: Configuration, wanted: Wanted
) -> "list[Row]":
    """Numbers of messages by the days that they are rebuilt with and their Kafka date, from the range on."""
    from pyspark.sql import functions as F

    # a message may come long after its session, but not before the eve of it
    since = F.col("kafka_date") >= F.lit(wanted.first - timedelta(1))
    bronze = read.table(spark, BRONZE_QUOTES, settings).where(since)
    in_range = in_sessions(wanted.first, wanted.last)
    quotes = read.table(spark, SILVER_QUOTES, settings).where(in_range)
    messages = judge(bronze, configuration).transform(with_days, quotes=quotes)
    days = F.array_distinct(F.array_compact(F.array("day", "was_of")))
    return messages.groupBy(days.alias("days"), "kafka_date").agg(F.count("*").alias("messages")).collect()


def _day(day: date, came: "list[Row]") -> Day:
    return Day(day, sum(row.messages for row in came), frozenset(row.kafka_date for row in came))
