"""The rules of quality: what breaks which, and what breaks none."""

import random
from dataclasses import replace

from pyspark.sql import SparkSession

from producers import malformed
from producers.malformed import KINDS
from tests.builders import KAFKA_TIME, RECEIVED_US, checked, micros, quote, quotes, violations

GOOD = quote("14:30:01 AAPL 189.54 1000")


def test_a_good_quote_breaks_no_rule(spark: SparkSession) -> None:
    assert violations(spark, GOOD) == []


def test_each_kind_of_malformed_message_breaks_its_rule(spark: SparkSession) -> None:
    chance = random.Random(1)
    bad = [malformed.message(kind, GOOD, now_us=micros(KAFKA_TIME), chance=chance) for kind in KINDS]
    rows = checked(spark, *bad).orderBy("offset").collect()
    unbroken = [
        kind.name for kind, row in zip(KINDS, rows, strict=True) if kind.violation not in row.violations
    ]
    assert unbroken == []


def test_an_unknown_version_is_said_to_be_that_and_nothing_else(spark: SparkSession) -> None:
    assert violations(spark, b'{"schema_version":7,"colour":"red"}') == ["unknown_schema_version"]


def test_a_message_that_is_null_is_empty(spark: SparkSession) -> None:
    assert violations(spark, None) == ["empty_value"]


def test_every_broken_rule_is_named(spark: SparkSession) -> None:
    bad = replace(GOOD, price="-1.1234567", day_volume=-1, market_hours="lunch", vendor_symbol="NOSUCH")
    assert violations(spark, bad) == [
        "price_not_positive", "too_fine", "day_volume_not_positive", "unknown_market_hours", "unknown_instrument"
    ]  # fmt: skip


def test_a_quote_may_be_60_seconds_ahead_of_kafka(spark: SparkSession) -> None:
    ahead = [replace(GOOD, event_time_us=micros(KAFKA_TIME) + us) for us in (60_000_000, 60_000_001)]
    rows = checked(spark, *ahead).orderBy("offset").collect()
    assert ["future" in row.violations for row in rows] == [False, True]


def test_only_a_live_source_can_be_old(spark: SparkSession) -> None:
    cases = {
        ("yahoo", 10): False,
        ("yahoo", 11): True,
        ("yahoo_recording", 11): False,
        ("generated", 400): False,
    }
    sent = [
        replace(GOOD, source=source, event_time_us=micros(KAFKA_TIME) - days * 86_400_000_000)
        for source, days in cases
    ]
    rows = checked(spark, *sent).orderBy("offset").collect()
    assert ["old" in row.violations for row in rows] == list(cases.values())


def test_quotes_belong_between_04_00_and_20_00_exchange_time(spark: SparkSession) -> None:
    clocks = {"08:00:00": True, "07:59:59": False, "23:59:59": True, "24:00:00": False}
    rows = checked(spark, *[f"{clock} AAPL 10 1" for clock in clocks]).orderBy("offset").collect()
    assert [not row.violations for row in rows] == list(clocks.values())


def test_a_renamed_instrument_is_found_by_the_spelling_of_its_day(spark: SparkSession) -> None:
    (row,) = quotes(spark, "14:30:01 META 300 1").collect()
    assert row.instrument_id == "I-META"
    assert violations(spark, "14:30:01 FB 300 1") == ["unknown_instrument"]


def test_an_unknown_volume_is_a_flag_and_no_violation(spark: SparkSession) -> None:
    (row,) = quotes(spark, "14:30:01 AAPL 10 -").collect()
    assert "day_volume_unknown" in row.flags


def test_a_quote_that_took_long_is_flagged_as_delayed(spark: SparkSession) -> None:
    assert GOOD.event_time_us + 600_000_000 < RECEIVED_US
    (row,) = quotes(spark, GOOD).collect()
    assert row.flags == ["delayed"]


def test_an_accepted_quote_takes_the_unit_of_its_listing(spark: SparkSession) -> None:
    (row,) = quotes(spark, "14:30:01 VOD.L 7250.5 -").collect()
    assert (row.currency, row.mic, row.segment) == ("GBp", "XLON", "from_open")


def test_rejected_and_accepted_are_all_there_is(spark: SparkSession) -> None:
    frame = checked(spark, GOOD, GOOD, b"rubbish", None)
    assert [len(row.violations) for row in frame.orderBy("offset").collect()] == [0, 0, 1, 1]
