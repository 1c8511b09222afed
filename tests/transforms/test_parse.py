"""Messages to fields: one spelling, and nothing else passes."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from pyspark.sql import SparkSession

from producers.events import encode, event_id
from tests.builders import RECEIVED_US, messages, quote
from transforms.parse import parse_messages

GOOD = encode(quote("14:30:01 AAPL 189.5403 1000"), receive_time_us=RECEIVED_US)


def test_a_message_of_the_producer_is_read_back_field_by_field(spark: SparkSession) -> None:
    row = messages(spark, GOOD).transform(parse_messages).first()
    assert row is not None
    assert row.well_formed
    assert (row.source, row.vendor_symbol, row.market_hours, row.currency) == (
        "yahoo_recording",
        "AAPL",
        "regular",
        None,
    )
    assert row.price == Decimal("189.5403")
    assert row.day_volume == 1000
    assert row.event_time.astimezone(UTC) == datetime(2023, 9, 5, 14, 30, 1, tzinfo=UTC)
    assert row.event_id == row.recomputed_id == event_id(quote("14:30:01 AAPL 189.5403 1000"))


def test_an_event_id_is_the_hash_of_the_fields_with_unknown_left_empty() -> None:
    # printf 'yahoo_recording|AAPL|1693924201000000|10||regular' | sha256sum | cut -c1-32
    assert event_id(quote("14:30:01 AAPL 10 -")) == "cee1615a355119f42553405e6ac2b372"


SPELLINGS = [
    (b'"price":"189.5403"', b'"price":189.5403'),
    (b'"price":"189.5403"', b'"price":"189.5403","price":"189.5403"'),
    (b'"day_volume":1000', b'"day_volume":"1000"'),
    (b'"day_volume":1000', b'"day_volume":1e3'),
    (b'"day_volume":1000', b'"day_volume":1000.0'),
    (b'"day_volume":1000', b'"day_volume":99999999999999999999'),
    (b'"currency":null', b'"currency":null,"more":1'),
    (b'"currency":null,', b""),
    (b'"market_hours":"regular"', b'"market_hours":"regul\\u0061r"'),
    (b'"source":', b' "source":'),
    (b"{", b"[{"),
    (b"}", b"} "),
    (b"}", b"}{}"),
    (b"AAPL", b"AA\xffPL"),
    (b"AAPL", b"AA\x00PL"),
]
NO_MESSAGES = [None, b"", b"null", b"{}", b"[]", b"1", b'"text"', b"\xff\xfe", b"{" * 5000]
PRICES = {
    "250": "250",
    "252.785": "252.785",
    "0.000001": "0.000001",
    "-3": "-3",
    "252.780": None,
    "1e3": None,
    "+1": None,
    "01": None,
    ".5": None,
    "5.": None,
    "NaN": None,
    "Infinity": None,
    "": None,
    "1234567890123": None,
}


def test_a_second_spelling_is_not_well_formed(spark: SparkSession) -> None:
    assert all(old in GOOD for old, _ in SPELLINGS)
    others = [GOOD.replace(old, new, 1) for old, new in SPELLINGS]
    rows = messages(spark, GOOD, *others).transform(parse_messages).orderBy("offset").collect()
    assert [bytes(row.value) for row in rows if row.well_formed] == [GOOD]


def test_what_is_no_message_gives_one_row_that_is_not_well_formed(spark: SparkSession) -> None:
    rows = messages(spark, *NO_MESSAGES).transform(parse_messages).collect()
    assert [row.well_formed for row in rows] == [False] * len(NO_MESSAGES)


def test_only_a_plain_decimal_is_a_price(spark: SparkSession) -> None:
    quotes = [replace(quote("14:30:01 AAPL 1 1"), price=text) for text in PRICES]
    rows = messages(spark, *quotes).transform(parse_messages).collect()
    found = {row.price_text: row.price for row in rows}
    assert found == {text: None if number is None else Decimal(number) for text, number in PRICES.items()}
