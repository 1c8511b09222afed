"""The meaning of a bar, rule by rule, on a few quotes."""

from datetime import UTC, date, datetime
from decimal import Decimal

from chispa import assert_df_equality
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from producers.events import Quote
from tests.builders import quotes
from transforms.bars import Unit, aggregate_bars, sequence_quotes
from transforms.revisions import quotes_to_sequence, revise_bars, seed_segments, touched_segments
from transforms.schemas import GOLD_BARS_1M, SILVER_QUOTES


def bars(spark: SparkSession, *lines: str | Quote, units: tuple[Unit, ...] = ()) -> DataFrame:
    """The bars of these quotes, when nothing is stored yet."""
    batch = quotes(spark, *lines)
    stored = spark.createDataFrame([], GOLD_BARS_1M)
    touched = batch.transform(touched_segments)
    return (
        batch
        .transform(quotes_to_sequence, silver=spark.createDataFrame([], SILVER_QUOTES), touched=touched)
        .transform(sequence_quotes, seeds=touched.transform(seed_segments, stored=stored))
        .transform(aggregate_bars, units=units)
        .transform(revise_bars, stored=stored, passed=F.lit(False))
        .orderBy("instrument_id", "bar_start")
    )


def bar(spark: SparkSession, *lines: str | Quote) -> Row:
    (row,) = bars(spark, *lines).collect()
    return row


def test_open_is_the_earliest_quote_even_when_it_arrives_last(spark: SparkSession) -> None:
    assert bar(spark, "14:30:59 AAPL 12 300", "14:30:01 AAPL 10 100").open == Decimal("10")


def test_close_is_the_latest_quote_even_when_it_arrives_first(spark: SparkSession) -> None:
    assert bar(spark, "14:30:59 AAPL 12 300", "14:30:01 AAPL 10 100").close == Decimal("12")


def test_high_and_low_are_the_extremes(spark: SparkSession) -> None:
    row = bar(spark, "14:30:01 AAPL 10 1", "14:30:02 AAPL 14 2", "14:30:03 AAPL 9.5 3", "14:30:04 AAPL 11 4")
    assert (row.high, row.low) == (Decimal("14"), Decimal("9.5"))


def test_in_one_second_the_smaller_day_volume_came_first_and_unknown_before_all(spark: SparkSession) -> None:
    row = bar(spark, "14:30:01 AAPL 12 300", "14:30:01 AAPL 11 200", "14:30:01 AAPL 10 -")
    assert (row.open, row.close) == (Decimal("10"), Decimal("12"))


def test_a_minute_without_a_quote_has_no_bar(spark: SparkSession) -> None:
    starts = [row.bar_start for row in bars(spark, "14:30:01 AAPL 10 1", "14:33:01 AAPL 10 2").collect()]
    assert [start.astimezone(UTC).minute for start in starts] == [30, 33]


def test_the_left_edge_belongs_to_the_bar(spark: SparkSession) -> None:
    row = bar(spark, "14:30:00 AAPL 10 1")
    assert row.bar_start.astimezone(UTC) == datetime(2023, 9, 5, 14, 30, tzinfo=UTC)
    assert row.session == date(2023, 9, 5)


def test_volume_is_the_rise_of_the_running_maximum(spark: SparkSession) -> None:
    first, second = bars(
        spark, "14:30:01 AAPL 10 100", "14:30:30 AAPL 10 150", "14:31:00 AAPL 10 170", "14:31:01 AAPL 10 190"
    ).collect()
    assert (first.volume, second.volume) == (50, 40)
    assert (first.day_volume_high, second.day_volume_high) == (150, 190)


def test_a_fall_of_day_volume_adds_nothing_and_is_said(spark: SparkSession) -> None:
    _, row = bars(spark, "14:30:01 AAPL 10 100", "14:31:01 AAPL 10 90", "14:31:02 AAPL 10 120").collect()
    assert (row.volume, row.volume_is_complete) == (20, False)


def test_bars_up_to_the_first_known_volume_are_incomplete(spark: SparkSession) -> None:
    rows = bars(spark, "14:30:01 AAPL 10 -", "14:31:01 AAPL 10 100", "14:32:01 AAPL 10 -").collect()
    assert [row.volume_is_complete for row in rows] == [False, False, True]
    assert [row.volume for row in rows] == [0, 0, 0]


def test_the_running_maximum_starts_anew_at_the_open(spark: SparkSession) -> None:
    before, after = bars(
        spark, "13:29:00 AAPL 10 500", "13:30:00 AAPL 10 700", "13:30:01 AAPL 10 710"
    ).collect()
    assert (before.segment, after.segment) == ("pre_open", "from_open")
    assert (after.volume, after.volume_is_complete) == (10, False)


def test_vwap_weighs_by_the_rise_and_rounds_half_up(spark: SparkSession) -> None:
    # (10 x 1 + 10.000001 x 1) / 2 = 10.0000005
    row = bar(spark, "14:30:01 AAPL 9 100", "14:30:02 AAPL 10 101", "14:30:03 AAPL 10.000001 102")
    assert row.vwap == Decimal("10.000001")


def test_vwap_is_null_where_nothing_traded(spark: SparkSession) -> None:
    assert bar(spark, "14:30:01 AAPL 10 100", "14:30:02 AAPL 11 100").vwap is None


def test_equal_quotes_are_one_quote(spark: SparkSession) -> None:
    assert bar(spark, "14:30:01 AAPL 10 100", "14:30:01 AAPL 10 100").quote_count == 1


def test_equal_prices_in_one_second_with_other_volumes_are_two_quotes(spark: SparkSession) -> None:
    assert bar(spark, "14:30:01 AAPL 10 100", "14:30:01 AAPL 10 101").quote_count == 2


def test_pence_become_pounds_by_the_factor_of_the_day(spark: SparkSession) -> None:
    units = (Unit("GBp", "GBP", 100, date(1990, 1, 1)),)
    (row,) = bars(spark, "14:30:01 VOD.L 72.505 1", units=units).collect()
    assert (row.currency, row.close) == ("GBP", Decimal("0.725050"))


def test_instruments_do_not_mix(spark: SparkSession) -> None:
    found = bars(spark, "14:30:01 AAPL 10 1", "14:30:01 MSFT 300 2").select("symbol", "close")
    expected = spark.createDataFrame(
        [("AAPL", Decimal("10")), ("MSFT", Decimal("300"))], "symbol STRING, close DECIMAL(18, 6)"
    )
    assert_df_equality(found, expected, ignore_nullable=True, ignore_metadata=True, ignore_row_order=True)


def test_no_quotes_give_no_bars(spark: SparkSession) -> None:
    assert bars(spark).count() == 0
