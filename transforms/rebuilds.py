"""A session worked out again from bronze: what its tables must hold, and how that differs from what they hold."""

from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.bars import Unit, aggregate_bars, sequence_quotes
from transforms.messages import COORDINATES
from transforms.quotes import SEGMENT
from transforms.revisions import BAR_KEY, newest_bars, revise_bars
from transforms.schemas import SILVER_QUOTES, conform

UNTOUCHED, INSERT, UPDATE, DELETE = "untouched", "insert", "update", "delete"


def with_days(checked: DataFrame, *, quotes: DataFrame) -> DataFrame:
    """Add the days that a message is rebuilt with: the one that it is of today, and `was_of`.

    `day` is its session, or its Kafka date where it has none: no accepted quote is of a session later than the day
    after its message came. `was_of` is the session in which `quotes` hold it or its equal, null where they do not.
    """
    is_possible = F.col("session") <= F.date_add("kafka_date", 1)
    day = F.when(is_possible, F.col("session")).otherwise(F.col("kafka_date"))
    was_of = quotes.select("event_id", F.col("session").alias("was_of")).distinct()
    return checked.join(was_of, on="event_id", how="left").withColumn("day", day)


def keep_one_each(quotes: DataFrame, *, stored: DataFrame) -> DataFrame:
    """Keep one of equal quotes, `SILVER_QUOTES`: the message that `stored` has chosen already, else the first."""
    chosen = stored.select("event_id", *COORDINATES, F.lit(True).alias("is_chosen")).distinct()
    best_first = Window.partitionBy("event_id").orderBy(F.desc_nulls_last("is_chosen"), *COORDINATES)
    return (
        quotes
        .join(chosen, on=["event_id", *COORDINATES], how="left")
        .withColumn("rank", F.row_number().over(best_first))
        .where("rank = 1")
        .transform(conform, schema=SILVER_QUOTES)
    )


def aggregate_sessions(quotes: DataFrame, *, units: Iterable[Unit]) -> DataFrame:
    """Aggregate all quotes of whole sessions, each once: of their volume nothing is known before the first."""
    nothing_known = quotes.limit(0).select(*SEGMENT, F.col("day_volume").alias("seed"))
    return (
        quotes
        .withColumn("is_stored", F.lit(True))
        .transform(sequence_quotes, seeds=nothing_known)
        .transform(aggregate_bars, units=units)
    )


def revise_sessions(bars: DataFrame, *, stored: DataFrame, passed: Column) -> DataFrame:
    """All rows of `GOLD_BARS_1M` that sessions must hold, if `bars` are all their bars.

    An equal bar is as it is `stored`; of one that is stored twice the newest revision counts.
    """
    by_revision = stored.withColumn("sequence", F.col("revision").cast("long"))
    once = stored.limit(0).transform(newest_bars, log=by_revision)
    known = once.join(bars, on=BAR_KEY, how="left_semi")
    revised = bars.transform(revise_bars, stored=known, passed=passed)
    return known.join(revised, on=BAR_KEY, how="left_anti").unionByName(revised)


def compare_rows(
    stored: DataFrame, *, wanted: DataFrame, key: Sequence[str], revision: str | None = None
) -> DataFrame:
    """What is to be done with each row so that `stored` holds exactly `wanted`, in the column `change`.

    `wanted` has a key once. One that is stored more than once is deleted, all of it, and inserted. Where a column
    `revision` of `stored`, which `wanted` does not have, counts how often a row was changed, it goes on counting.
    """
    values = F.struct(*[name for name in wanted.columns if name not in key])
    counted = [] if revision is None else [F.max(revision).alias(revision)]
    was = stored.groupBy(*key).agg(F.count("*").alias("copies"), F.any_value(values).alias("was"), *counted)
    changes = (
        F
        .when(F.col("was").isNull(), _all_of(INSERT))
        .when(F.col("now").isNull(), _all_of(DELETE))
        .when(F.col("copies") > 1, _all_of(DELETE, INSERT))
        .when(F.col("now") == F.col("was"), _all_of(UNTOUCHED))
        .otherwise(_all_of(UPDATE))
    )
    changed = F.when(F.col("change") == UPDATE, 1).otherwise(0)
    counts = [] if revision is None else [(F.coalesce(revision, F.lit(0)) + changed).alias(revision)]
    return (
        was
        .join(wanted.select(*key, values.alias("now")), on=list(key), how="full")
        .select("*", F.coalesce("now", "was").alias("row"), F.explode(changes).alias("change"))
        .select(*key, "row.*", *counts, "change")
    )


def _all_of(*changes: str) -> Column:
    return F.array(*[F.lit(change) for change in changes])
