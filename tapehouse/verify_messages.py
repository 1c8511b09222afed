"""A second opinion on every message: the wire contract and its rules, worked out without the pipeline's code.

A message is well formed exactly if it matches one pattern, the canonical JSON of version 1.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

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
    + rb',"event_time_us":'
    + INTEGER
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
ALWAYS_OPEN, OLDEST = "24/7", date(2000, 1, 1)
HOURS = {None, "pre", "regular", "post", "extended"}
END_OF_TIME = 253_402_300_800_000_000
SECOND, DAY = 1_000_000, 86_400_000_000


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


class Hours:
    """When quotes of a symbol may come, by exchange_calendars.

    The calendar is the one that the instruments file names for the symbol and the day; where the file says nothing of
    it any more, that of the venue with which silver recorded it: `recorded` holds (source, vendor_symbol, mic).
    """

    def __init__(self, instruments: Path, recorded: Iterable[tuple[str, str, str]] = ()) -> None:
        import yaml

        self._listings: dict[tuple[str, str], list[tuple[date, date, str]]] = defaultdict(list)
        for entry in yaml.safe_load(instruments.read_text())["instruments"]:
            for span in entry["listings"]:
                during = span["from"], span.get("to", date.max), str(span.get("calendar", span["mic"]))
                for vendor, spelling in span["vendor_symbols"].items():
                    self._listings[vendor, str(spelling)].append(during)
        self._recorded = {(source, symbol): mic for source, symbol, mic in recorded}

    def find(self, source: str, symbol: str, event_time_us: int) -> tuple[date, str] | None:
        """Session and segment of a moment; None outside of every session, or for a symbol without a calendar."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=event_time_us)
        calendar = self._calendar_of(source, symbol, moment)
        if calendar is None:
            return None
        if calendar == ALWAYS_OPEN:
            return (moment.date(), "from_open") if moment.date() >= OLDEST else None
        opens, half_days, zone = _calendar(calendar)
        local = moment.astimezone(zone)
        end = time(17) if local.date() in half_days else time(20)
        if local.date() not in opens or not time(4) <= local.time() < end:
            return None
        return local.date(), "pre_open" if moment < opens[local.date()] else "from_open"

    def _calendar_of(self, source: str, symbol: str, moment: datetime) -> str | None:
        vendor = "alpha_vantage" if source == "alpha_vantage" else "yahoo"
        for first, end, calendar in self._listings.get((vendor, symbol), ()):
            zone = UTC if calendar == ALWAYS_OPEN else _calendar(calendar)[2]
            if first <= moment.astimezone(zone).date() < end:
                return calendar
        mic = self._recorded.get((source, symbol))
        return mic if mic is None or _is_calendar(mic) else ALWAYS_OPEN


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
    event_id, source, symbol, event_us, price, volume, market_hours, currency, receive_us = fields
    identity = "|".join(
        "" if f is None else str(f) for f in (source, symbol, event_us, price, volume, market_hours)
    )
    event_us, receive_us = _within_time(event_us), _within_time(receive_us)
    is_future = event_us is not None and event_us > kafka_us + 60 * SECOND
    can_be_found = source in SOURCES and symbol and not is_future
    at = hours.find(source, symbol, event_us) if can_be_found and event_us is not None else None
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
        "no_event_time": event_us is not None,
        "no_receive_time": receive_us is not None,
        "future": not is_future,
        "old": event_us is None or source not in LIVE or event_us >= kafka_us - 10 * DAY,
        "outside_session": event_us is None or source not in SOURCES or is_future or at is not None,
    }
    violations = [name for name, is_so in holds.items() if not is_so]
    told = (event_id, source, symbol, event_us, number, volume, market_hours, currency, receive_us)
    return Opinion(topic, partition, offset, violations, *told, *(at or (None, None)))


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
        parts = [None if part == b"null" else part.decode() for part in found.groups()] if found else []
    except UnicodeDecodeError:
        parts = []
    if not parts or parts[0] != "1":
        return ["malformed"]
    texts = {i: part and part[1:-1] for i, part in enumerate(parts) if i in {1, 2, 3, 5, 7, 8}}
    integers = {i: None if parts[i] is None else int(parts[i]) for i in (4, 6, 9)}  # type: ignore[arg-type]
    if any(n is not None and (parts[i] == "-0" or not -(2**63) <= n < 2**63) for i, n in integers.items()):
        return ["malformed"]
    return texts[1], texts[2], texts[3], integers[4], texts[5], integers[6], texts[7], texts[8], integers[9]


@lru_cache
def _is_calendar(name: str) -> bool:
    import exchange_calendars

    return name in exchange_calendars.get_calendar_names()


@lru_cache
def _calendar(name: str) -> tuple[dict[date, datetime], set[date], ZoneInfo]:
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(name, start=str(OLDEST), end=date.today() + timedelta(365))
    opens = {label.date(): moment.to_pydatetime() for label, moment in calendar.opens.items()}
    return opens, {label.date() for label in calendar.early_closes}, ZoneInfo(str(calendar.tz))
