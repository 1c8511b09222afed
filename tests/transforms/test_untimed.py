"""Quotes without a time of their own: judged by their trading day, kept in silver once, and in no bar."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession

from jobs.lake.kept import keep
from jobs.lake.quote_batch import count_batch
from producers.events import DayQuote, Quote, encode, event_id
from tests.batches import MemoryLake
from tests.builders import (
    DAY,
    KAFKA_TIME,
    RECEIVED_US,
    checked,
    day_quote,
    frame,
    listings,
    messages,
    quote,
    quotes,
    violations,
)
from transforms import schemas
from transforms.parse import parse_messages
from transforms.quotes import check_messages
from transforms.rebuilds import aggregate_sessions

GOOD = day_quote()
TIMED = [quote("14:30:01 AAPL 10 100"), quote("14:31:01 AAPL 11 150")]


def test_it_is_read_back_field_by_field(spark: SparkSession) -> None:
    row = messages(spark, GOOD).transform(parse_messages).first()
    assert row is not None
    assert row.well_formed
    assert (row.event_time, row.trading_day, row.day_volume) == (None, DAY.date(), 1000)
    assert row.event_id == row.recomputed_id == event_id(GOOD)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"trading_day":"2023-09-05"', b'"event_time_us":null,"trading_day":"2023-09-05"'),
        (b'"trading_day":"2023-09-05"', b'"trading_day":"2023-09-05","event_time_us":1693924201000000'),
        (b'"trading_day":"2023-09-05"', b'"trading_day":null'),
        (b'"trading_day":"2023-09-05"', b'"trading_day":20230905'),
        (b'"day_volume":1000', b'"day_volume":1000,"trading_day":"2023-09-05"'),
    ],
)
def test_time_and_day_stand_for_each_other_in_one_place(spark: SparkSession, old: bytes, new: bytes) -> None:
    value = encode(GOOD, receive_time_us=RECEIVED_US)
    assert old in value
    assert violations(spark, value.replace(old, new)) == ["malformed"]


def test_its_day_is_judged_where_another_quotes_time_is(spark: SparkSession) -> None:
    cases: dict[DayQuote, list[str]] = {
        GOOD: [],
        replace(GOOD, source="yahoo", vendor_symbol="AAPL"): ["no_event_time"],
        replace(GOOD, trading_day="2023-02-29"): ["no_event_time"],
        replace(GOOD, trading_day="2023-9-05"): ["no_event_time"],
        replace(GOOD, trading_day="0999-09-05"): ["no_event_time"],
        # Kafka's time is 2023-09-06 01:00
        replace(GOOD, trading_day="2023-09-07"): ["outside_session"],
        replace(GOOD, trading_day="2023-09-08"): ["future"],
        replace(GOOD, trading_day="2023-08-27"): ["outside_session"],
        replace(GOOD, trading_day="2023-08-26"): ["old", "outside_session"],
        replace(GOOD, vendor_symbol="NOSUCH"): ["unknown_instrument"],
    }
    rows = checked(spark, *cases).orderBy("offset").collect()
    assert [list(row.violations) for row in rows] == list(cases.values())


def test_a_session_has_begun_when_a_quote_is_of_it(spark: SparkSession) -> None:
    tomorrow = DAY.date() + timedelta(1)
    value = messages(spark, replace(GOOD, trading_day=f"{tomorrow}"))
    for seconds, is_good in ((60, True), (61, False)):
        begins = KAFKA_TIME + timedelta(seconds=seconds)
        ends = begins + timedelta(hours=16)
        session = ("XNAS", tomorrow, begins, begins, ends, ends)
        sessions = frame(spark, [session], schemas.EXCHANGE_SESSIONS)
        (row,) = value.transform(check_messages, instruments=listings(spark), sessions=sessions).collect()
        assert (not row.violations) is is_good


def test_silver_says_its_session_and_no_time(spark: SparkSession) -> None:
    (row,) = quotes(spark, GOOD).collect()
    assert (row.session, row.segment, row.event_time, row.bar_start) == (
        date(2023, 9, 5),
        "untimed",
        None,
        None,
    )
    assert (row.instrument_id, row.currency, row.flags) == ("I-AAPL", "USD", [])


@pytest.mark.parametrize("silver_first", [False, True])
@pytest.mark.long
def test_sent_again_beside_others_or_alone_it_is_there_once_and_in_no_bar(
    spark: SparkSession, silver_first: bool
) -> None:
    lake = MemoryLake(spark)
    batches: list[list[Quote | DayQuote]] = [
        [GOOD, TIMED[0]],
        [GOOD],
        [replace(GOOD, price="190"), GOOD, TIMED[1]],
        [replace(GOOD, day_volume=None)],
    ]
    for batch in batches:
        lake.take(batch, silver_first=silver_first)
    assert lake.silver.count() == 5
    assert lake.silver.where("event_time IS NULL").count() == 3
    assert {(bar.source, bar.quote_count) for bar in lake.bars()} == {("yahoo_recording", 1)}
    again = aggregate_sessions(lake.silver, units=())
    assert again.count() == len(lake.bars()) == 2


def test_a_batch_of_nothing_else_writes_no_gold_and_moves_no_watermark(spark: SparkSession) -> None:
    facts = count_batch(keep(checked(spark, GOOD, b"rubbish")))
    assert (facts.accepted, facts.rejected, facts.first_minute) == (1, 1, None)
    assert facts.empty_tables == ("gold.bars_1m_log",)
    assert (facts.newest_event, facts.newest_kafka) == ({}, {})
    assert facts.untimed_sessions == {DAY.date()}
