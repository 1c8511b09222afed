"""Bars against the bars that are stored."""

from datetime import UTC, datetime
from decimal import Decimal

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lake.gold_log import with_sequence
from tests.builders import quotes
from tests.transforms.test_bars import bars
from transforms.bars import aggregate_bars, sequence_quotes
from transforms.revisions import (
    newest_bars,
    past_watermark,
    quotes_to_sequence,
    revise_bars,
    seed_segments,
    touched_segments,
)

HALF_PAST_TWO = "14:30:01 AAPL 10 100"


def revised(
    spark: SparkSession, silver: DataFrame, stored: DataFrame, *lines: str, final: bool = False
) -> DataFrame:
    """What a batch of these lines makes of stored bars."""
    batch = quotes(spark, *lines)
    touched = batch.transform(touched_segments)
    return (
        batch
        .transform(quotes_to_sequence, silver=silver, touched=touched)
        .transform(sequence_quotes, seeds=touched.transform(seed_segments, stored=stored))
        .transform(aggregate_bars)
        .transform(revise_bars, stored=stored, passed=F.lit(final))
    )


def test_a_new_bar_has_revision_0(spark: SparkSession) -> None:
    row = bars(spark, HALF_PAST_TWO).first()
    assert row is not None
    assert (row.revision, row.is_final) == (0, False)


def test_an_open_bar_changes_without_a_revision(spark: SparkSession) -> None:
    (row,) = revised(
        spark, quotes(spark, HALF_PAST_TWO), bars(spark, HALF_PAST_TWO), "14:30:02 AAPL 11 110"
    ).collect()
    assert (row.revision, row.close, row.volume) == (0, Decimal("11"), 10)


def test_a_final_bar_that_changes_gets_a_revision_and_stays_final(spark: SparkSession) -> None:
    stored = bars(spark, HALF_PAST_TWO).withColumn("is_final", F.lit(True))
    (row,) = revised(spark, quotes(spark, HALF_PAST_TWO), stored, "14:30:02 AAPL 11 110").collect()
    assert (row.revision, row.is_final) == (1, True)


def test_a_quote_that_is_stored_changes_nothing(spark: SparkSession) -> None:
    again = revised(spark, quotes(spark, HALF_PAST_TWO), bars(spark, HALF_PAST_TWO), HALF_PAST_TWO)
    assert again.count() == 0


def test_a_bar_that_is_over_becomes_final_without_a_quote(spark: SparkSession) -> None:
    stored = bars(spark, HALF_PAST_TWO)
    (row,) = stored.limit(0).transform(revise_bars, stored=stored, passed=F.lit(True)).collect()
    assert (row.is_final, row.revision, row.close) == (True, 0, Decimal("10"))


def test_a_late_quote_changes_later_bars_too(spark: SparkSession) -> None:
    lines = ("14:30:01 AAPL 10 100", "14:32:01 AAPL 10 160")
    rows = revised(spark, quotes(spark, *lines), bars(spark, *lines), "14:31:01 AAPL 10 150").collect()
    assert {row.bar_start.minute: row.volume for row in rows} == {31: 50, 32: 10}


def test_a_watermark_passes_a_bar_at_its_end(spark: SparkSession) -> None:
    def is_final(watermark: datetime) -> bool:
        stored = bars(spark, HALF_PAST_TWO)
        passed = past_watermark({"yahoo_recording": watermark})
        return stored.limit(0).transform(revise_bars, stored=stored, passed=passed).count() == 1

    assert is_final(datetime(2023, 9, 5, 14, 31, tzinfo=UTC))
    assert not is_final(datetime(2023, 9, 5, 14, 30, 59, 999_999, tzinfo=UTC))


def test_another_sources_watermark_passes_nothing(spark: SparkSession) -> None:
    stored = bars(spark, HALF_PAST_TWO)
    passed = past_watermark({"generated": datetime(2026, 1, 1, tzinfo=UTC)})
    assert stored.limit(0).transform(revise_bars, stored=stored, passed=passed).count() == 0


def test_of_the_log_the_largest_sequence_is_the_bar(spark: SparkSession) -> None:
    merged = bars(spark, HALF_PAST_TWO)
    older = bars(spark, "14:30:01 AAPL 11 100").transform(with_sequence, sequence=4)
    newer = bars(spark, "14:30:01 AAPL 12 100").transform(with_sequence, sequence=5)
    (row,) = merged.transform(newest_bars, log=newer.unionByName(older)).collect()
    assert row.close == Decimal("12")
