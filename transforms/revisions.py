"""Bars against the bars that are stored: which are new, which changed, which became final."""

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.constants import moment
from transforms.quotes import SEGMENT, UNTIMED
from transforms.schemas import BAR_VALUES, GOLD_BARS_1M, conform

BAR_KEY = ["source", "instrument_id", "bar_start"]
# what is asked of a stored quote to put others in order with it
TO_SEQUENCE = [
    *SEGMENT,
    "event_id",
    "symbol",
    "mic",
    "currency",
    "bar_start",
    "event_time",
    "price",
    "day_volume",
    "partition",
    "offset",
]
CONTENT = ["session", *[field.name for field in BAR_VALUES]]


def newest_bars(merged: DataFrame, *, log: DataFrame) -> DataFrame:
    """The bar of each key: the newest revision of `log`, else the row of `merged`."""
    newest_first = Window.partitionBy(*BAR_KEY).orderBy(F.desc("sequence"))
    return (
        merged
        .withColumn("sequence", F.lit(-1).cast("long"))
        .unionByName(log)
        .withColumn("age", F.row_number().over(newest_first))
        .where("age = 1")
        .transform(conform, schema=GOLD_BARS_1M)
    )


def touched_segments(quotes: DataFrame) -> DataFrame:
    """The segments that `quotes` fall into, each with the first bar that they can change."""
    return quotes.groupBy(*SEGMENT).agg(F.min("bar_start").alias("first_bar"))


def seed_segments(touched: DataFrame, *, stored: DataFrame) -> DataFrame:
    """The running maximum of day_volume at the first bar of each touched segment that has a bar before it."""
    return (
        stored
        .join(F.broadcast(touched), on=SEGMENT, how="inner")
        .where(F.col("bar_start") < F.col("first_bar"))
        .groupBy(*SEGMENT)
        .agg(F.max("day_volume_high").alias("seed"))
    )


def quotes_to_sequence(batch: DataFrame, *, silver: DataFrame, touched: DataFrame) -> DataFrame:
    """All quotes that the touched bars are worked out from: silver's from the first touched bar on, and the batch's.

    Of quotes without a time all that `silver` has of the touched segments stand beside those of the batch.
    It does not matter whether silver holds the batch already: equal quotes stand side by side, `is_stored` first.
    Of silver's only the columns `TO_SEQUENCE` are asked for, the others are null.
    """
    from_first_bar = (
        silver
        .join(F.broadcast(touched), on=SEGMENT, how="inner")
        .where((F.col("bar_start") >= F.col("first_bar")) | (F.col("segment") == UNTIMED))
        .select(*TO_SEQUENCE, F.lit(True).alias("is_stored"))
    )
    return batch.withColumn("is_stored", F.lit(False)).unionByName(from_first_bar, allowMissingColumns=True)


def revise_bars(bars: DataFrame, *, stored: DataFrame, passed: Column) -> DataFrame:
    """The rows of `GOLD_BARS_1M` that are new, changed or now final.

    `passed` says, from source, session and bar_start, that a bar is over; it also makes stored bars final that are not
    among `bars`. `revision` grows only if the content of a final bar changed.
    """
    was = stored.select(
        *BAR_KEY, F.struct(*CONTENT).alias("was"), F.col("is_final").alias("was_final"), "revision"
    )
    now = bars.select(*BAR_KEY, F.struct(*CONTENT).alias("now"))
    was_final = F.coalesce("was_final", F.lit(False))
    changed = F.col("now").isNotNull() & F.col("was").isNotNull() & (F.col("now") != F.col("was"))
    return (
        was
        .join(now, on=BAR_KEY, how="full")
        .select(
            *BAR_KEY,
            "was",
            "revision",
            was_final.alias("was_final"),
            changed.alias("changed"),
            newest_content(),
        )
        .select("*", "content.*")
        .withColumn("is_final", F.col("was_final") | F.coalesce(passed, F.lit(False)))
        .where(F.col("was").isNull() | F.col("changed") | (F.col("is_final") & ~F.col("was_final")))
        .withColumn(
            "revision",
            F.coalesce(F.col("revision") + (F.col("was_final") & F.col("changed")).cast("int"), F.lit(0)),
        )
        .transform(conform, schema=GOLD_BARS_1M)
    )


def newest_content() -> Column:
    return F.coalesce("now", "was").alias("content")


def past_watermark(final_before: Mapping[str, datetime]) -> Column:
    """A bar whose end is not after its source's watermark."""
    bar_end = F.col("bar_start") + F.expr("INTERVAL 1 MINUTE")
    passed = F.lit(False)
    for source, watermark in final_before.items():
        passed = passed | (
            (F.col("source") == source) & (bar_end <= moment(watermark, beside=F.unix_micros("bar_start")))
        )
    return passed
