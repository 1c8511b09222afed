"""A second opinion on every message: the wire contract and its rules, worked out without the pipeline's code.

A message is well formed exactly if it matches one pattern, the canonical JSON of version 1.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from tapehouse.verify_hours import AHEAD_US, EPOCH, Hours

if TYPE_CHECKING:
    import pyarrow

INTEGER = rb"(-?(?:0|[1-9][0-9]*)|null)"
TEXT = rb'("[^"\\\x00-\x1f]*"|null)'
CANONICAL = re.compile(
    rb'\{"schema_version":'
    + INTEGER
    + rb',"event_id":'
    + TEXT
    + rb',"source":'
    + TEXT
    + rb',"vendor_symbol":'
    + TEXT
    + rb',(?:"event_time_us":'
    + INTEGER
    + rb'|"trading_day":("[^"\\\x00-\x1f]*"))'
    + rb',"price":'
    + TEXT
    + rb',"day_volume":'
    + INTEGER
    + rb',"market_hours":'
    + TEXT
    + rb',"currency":'
    + TEXT
    + rb',"receive_time_us":'
    + INTEGER
    + rb"\}"
)
LACKS = (
    rb"(?:lost_(?:message|id|price|time)|retyped_(?:message|id|price|time|currency|market_hours|day_volume))"
)
FRAME_PROBLEM = re.compile(rb'\{"frame_problem":"(' + LACKS + rb"(?:," + LACKS + rb')*)"\}')
VERSION = re.compile(rb'\{"schema_version":(-?[0-9]+|null),')
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
SOURCES, LIVE = {"yahoo", "alpha_vantage", "yahoo_recording", "generated"}, {"yahoo", "alpha_vantage"}
TRADING_DAY = re.compile(r"(?:19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}")
HOURS = {None, "pre", "regular", "post", "extended"}
END_OF_TIME = 253_402_300_800_000_000
DAY = 86_400_000_000


class Opinion(NamedTuple):
    """What this checker says of one message; fields are of an accepted or at least well-formed one."""

    topic: str
    partition: int
    offset: int
    violations: list[str]
    event_id: str | None = None
    source: str | None = None
    vendor_symbol: str | None = None
    event_time_us: int | None = None
    price: str | None = None
    day_volume: int | None = None
    market_hours: str | None = None
    currency: str | None = None
    receive_time_us: int | None = None
    session: date | None = None
    segment: str | None = None


class When(NamedTuple):
    """The time of a quote, or the day of one that has no time; and Kafka's time of its message."""

    event_us: int | None
    day: date | None
    kafka_us: int

    @property
    def is_known(self) -> bool:
        return self.event_us is not None or self.day is not None

    @property
    def is_future(self) -> bool:
        """More than a minute ahead of Kafka's time; of a day, that it has begun nowhere by then."""
        latest = self.kafka_us + AHEAD_US
        if self.event_us is not None:
            return self.event_us > latest
        return self.day is not None and _number(self.day) > latest // DAY + 1

    @property
    def is_old(self) -> bool:
        """More than ten days before Kafka's time."""
        if self.event_us is not None:
            return self.event_us < self.kafka_us - 10 * DAY
        return self.day is not None and _number(self.day) < self.kafka_us // DAY - 10

    def find(self, hours: Hours, source: str, symbol: str) -> tuple[date, str] | None:
        """Session and segment, None outside of every session."""
        if self.is_future:
            return None
        if self.event_us is not None:
            return hours.find(source, symbol, self.event_us)
        return None if self.day is None else hours.find_day(source, symbol, self.day, self.kafka_us)


def judge(bronze: "pyarrow.Table", hours: Hours) -> Iterator[list[Opinion]]:
    """An opinion of every row of bronze, in lists of one record batch each."""
    import pyarrow

    columns = ["topic", "partition", "offset", "value", "kafka_time"]
    for batch in bronze.select(columns).to_batches(max_chunksize=100_000):
        kafka_us = (
            batch
            .column("kafka_time")
            .cast(pyarrow.timestamp("us", tz="UTC"))
            .cast(pyarrow.int64())
            .to_pylist()
        )
        rows = zip(*[batch.column(name).to_pylist() for name in columns[:4]], kafka_us, strict=True)
        yield [_judge(t, p, o, value, us, hours) for t, p, o, value, us in rows]


def _judge(
    topic: str, partition: int, offset: int, value: bytes | None, kafka_us: int, hours: Hours
) -> Opinion:
    fields = read_value(value)
    if isinstance(fields, list):
        return Opinion(topic, partition, offset, fields)
    event_id, source, symbol, event_us, told_day, price, volume, market_hours, currency, receive_us = fields
    day = None if told_day is None else _day(told_day)
    named = (event_us, price, volume, market_hours) if told_day is None else (told_day, price, volume)
    identity = "|".join("" if f is None else str(f) for f in (source, symbol, *named))
    when, receive_us = When(_within_time(event_us), day, kafka_us), _within_time(receive_us)
    at = when.find(hours, source, symbol) if source in SOURCES and symbol else None
    number = price if price is not None and DECIMAL.fullmatch(price) else None
    holds = {
        "event_id_mismatch": event_id == hashlib.sha256(identity.encode()).hexdigest()[:32],
        "unknown_source": source in SOURCES,
        "price_not_decimal": number is not None,
        "price_not_positive": number is None or (not number.startswith("-") and number != "0"),
        "too_fine": number is None or len(number.partition(".")[2]) <= 6,
        "price_too_large": number is None or len(number.lstrip("-").partition(".")[0]) <= 12,
        "day_volume_not_positive": volume is None or volume > 0,
        "unknown_market_hours": market_hours in HOURS,
        "no_event_time": when.event_us is not None or (source == "alpha_vantage" and when.is_known),
        "no_receive_time": receive_us is not None,
        "future": not when.is_future,
        "old": not when.is_old or source not in LIVE,
        "outside_session": not when.is_known or source not in SOURCES or when.is_future or at is not None,
    }
    violations = [name for name, is_so in holds.items() if not is_so]
    told = (event_id, source, symbol, when.event_us, number, volume, market_hours, currency, receive_us)
    return Opinion(topic, partition, offset, violations, *told, *(at or (None, None)))


def _day(text: str) -> date | None:
    if not TRADING_DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH.date()).days


def _within_time(micros: int | None) -> int | None:
    return micros if micros is not None and 0 <= micros < END_OF_TIME else None


def read_value(value: bytes | None) -> "tuple[Any, ...] | list[str]":
    """The fields of a value, or what is wrong with its shape."""
    if not value:
        return ["empty_value"]
    if lacking := FRAME_PROBLEM.fullmatch(value):
        return lacking[1].decode().split(",")
    version = VERSION.match(value)
    if version and version[1] != b"1":
        return ["unknown_schema_version"]
    found = CANONICAL.fullmatch(value)
    try:
        # of time and day one is there
        groups = found.groups(b"null") if found else ()
        parts = [None if part == b"null" else part.decode() for part in groups]
    except UnicodeDecodeError:
        parts = []
    if not parts or parts[0] != "1":
        return ["malformed"]
    texts = {i: part and part[1:-1] for i, part in enumerate(parts) if i in {1, 2, 3, 5, 6, 8, 9}}
    integers = {i: None if parts[i] is None else int(parts[i]) for i in (4, 7, 10)}  # type: ignore[arg-type]
    if any(n is not None and (parts[i] == "-0" or not -(2**63) <= n < 2**63) for i, n in integers.items()):
        return ["malformed"]
    return (
        *(texts[1], texts[2], texts[3], integers[4], texts[5], texts[6]),
        *(integers[7], texts[8], texts[9], integers[10]),
    )
