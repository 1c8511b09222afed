"""Input of tests as text: one line a quote, `HH:MM:SS SYMBOL price day_volume`, on 2023-09-05 UTC, `-` for unknown."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow

from jobs.lake.sessions import sessions_for
from producers.events import DayQuote, Message, Quote
from transforms import schemas
from transforms.quotes import check_messages, refine_quotes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql import types as T

Item = str | Quote | DayQuote | Message | bytes | None
DAY = datetime(2023, 9, 5, tzinfo=UTC)
KAFKA_TIME = datetime(2023, 9, 6, 1, 0, 0, tzinfo=UTC)
RECEIVED_US = 1_693_962_000_000_000
SOURCE = "yahoo_recording"
LISTED = (date(1990, 1, 1), date(9999, 12, 31))
NEW_YORK = ("XNAS", "America/New_York", "USD", *LISTED)
LISTINGS = [
    ("yahoo", "AAPL", "I-AAPL", "AAPL", "XNAS", *NEW_YORK),
    ("yahoo", "MSFT", "I-MSFT", "MSFT", "XNAS", *NEW_YORK),
    # renamed: the same instrument under two spellings, a span each
    ("yahoo", "FB", "I-META", "FB", "XNAS", *NEW_YORK[:3], LISTED[0], date(2022, 6, 9)),
    ("yahoo", "META", "I-META", "META", "XNAS", *NEW_YORK[:3], date(2022, 6, 9), LISTED[1]),
    *[("yahoo", f"CASE{n}", f"I-CASE{n}", f"CASE{n}", "XNAS", *NEW_YORK) for n in range(12)],
    ("alpha_vantage", "AAPL", "I-AAPL", "AAPL", "XNAS", *NEW_YORK),
    ("yahoo", "VOD.L", "I-VOD", "VOD", "XLON", "XLON", "Europe/London", "GBp", *LISTED),
]
SESSIONS = [
    # exchange time 04:00, 09:30, 20:00 and 16:00
    ("XNAS", DAY.date(), *[DAY + timedelta(hours=hour) for hour in (8, 13.5, 24, 20)]),
    ("XLON", DAY.date(), *[DAY + timedelta(hours=hour) for hour in (3, 7, 19, 15.5)]),
]


def quote(line: str, **changes: Any) -> Quote:
    """The quote that a line spells."""
    clock, symbol, price, volume = line.split()
    hours, minutes, seconds = (float(part) for part in clock.split(":"))
    event_time = DAY + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    known = None if volume == "-" else int(volume)
    made = Quote(SOURCE, symbol, micros(event_time), price, known, "regular")
    return replace(made, **changes)


def day_quote(price: str = "189.5", volume: int | None = 1000, **changes: Any) -> DayQuote:
    """A quote of AAPL on that day that says no time."""
    made = DayQuote("alpha_vantage", "AAPL", f"{DAY:%Y-%m-%d}", price, volume)
    return replace(made, **changes)


def begun_sessions() -> list[date]:
    """The sessions in New York that have begun by now, the newest last."""
    return [s.session for s in sessions_for(["XNAS"]) if s.first_quote <= datetime.now(UTC)]


def line(clock: str, price: str = "10", volume: str = "1") -> Message:
    """A message with a quote of AAPL."""
    return Message(SOURCE, b"frame", quote(f"{clock} AAPL {price} {volume}"))


def micros(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def messages(spark: "SparkSession", *items: Item) -> "DataFrame":
    """Rows of bronze: lines, quotes, messages, or plain bytes as the value; offsets count from 0."""
    rows = []
    for offset, item in enumerate(items):
        key, value, headers = _wire(item)
        at = ("quotes.v1", 0, offset, KAFKA_TIME)
        named = None if headers is None else [{"key": name, "value": content} for name, content in headers]
        rows.append((*at, key, value, named, KAFKA_TIME, KAFKA_TIME.date()))
    return frame(spark, rows, schemas.BRONZE_QUOTES)


def checked(spark: "SparkSession", *items: Item) -> "DataFrame":
    """The messages, parsed and judged."""
    return messages(spark, *items).transform(
        check_messages, instruments=listings(spark), sessions=sessions(spark)
    )


def quotes(spark: "SparkSession", *lines: str | Quote | DayQuote) -> "DataFrame":
    """Rows of silver."""
    return checked(spark, *lines).transform(refine_quotes)


def violations(spark: "SparkSession", item: Item) -> list[str]:
    """The names of the rules that one message breaks."""
    (row,) = checked(spark, item).collect()
    return list(row.violations)


def listings(spark: "SparkSession") -> "DataFrame":
    return frame(spark, LISTINGS, schemas.INSTRUMENT_LISTINGS)


def sessions(spark: "SparkSession") -> "DataFrame":
    return frame(spark, SESSIONS, schemas.EXCHANGE_SESSIONS)


def frame(spark: "SparkSession", rows: Sequence[tuple[Any, ...]], schema: "T.StructType") -> "DataFrame":
    """The rows as data of the plan: no job is needed to read them."""
    from pyspark.sql.pandas.types import to_arrow_schema

    columns = zip(*rows, strict=True) if rows else [[] for _ in schema.names]
    arrow = to_arrow_schema(schema, timezone="UTC")
    arrays = [pyarrow.array(list(column), field.type) for column, field in zip(columns, arrow, strict=True)]
    return spark.createDataFrame(pyarrow.Table.from_arrays(arrays, schema=arrow), schema)


def _wire(item: Item) -> tuple[bytes | None, bytes | None, Any]:
    if isinstance(item, str):
        item = quote(item)
    if isinstance(item, Quote):
        item = Message(item.source, b"frame", item)
    if isinstance(item, DayQuote):
        item = Message(item.source, b"frame", None, day_quote=item)
    if isinstance(item, Message):
        return item.key, item.render(RECEIVED_US), item.headers()
    return None, item, None
