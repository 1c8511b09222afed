"""Messages that must be rejected, each made beside a good one, with the rule that it breaks."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from producers.events import Message, Quote, encode

US = 1_000_000
DAY = 24 * 3600 * US


class Malformed(NamedTuple):
    """One way to be wrong: `make` builds the value beside a good quote, at `now` microseconds."""

    name: str
    violation: str
    make: Callable[[Quote, int, random.Random], bytes]


def message(kind: Malformed, quote: Quote, *, now_us: int, chance: random.Random) -> Message:
    """A message of this kind beside a good quote; the frame that is sent along is its own value."""
    value = kind.make(quote, now_us, chance)
    return Message(quote.source, value[:200], quote, value)


def _value(quote: Quote, now_us: int) -> bytes:
    return encode(quote, receive_time_us=now_us)


def _with(**fields: object) -> Callable[[Quote, int, random.Random], bytes]:
    """The quote with other fields; its event_id is right."""
    return lambda quote, now_us, _: _value(replace(quote, **fields), now_us)  # type: ignore[arg-type]


def _edited(old: bytes, new: bytes) -> Callable[[Quote, int, random.Random], bytes]:
    return lambda quote, now_us, _: _value(quote, now_us).replace(old, new, 1)


def _price_as_number(quote: Quote, now_us: int, _: random.Random) -> bytes:
    return _value(quote, now_us).replace(
        f'"price":"{quote.price}"'.encode(), f'"price":{quote.price}'.encode()
    )


def _not_a_number(quote: Quote, now_us: int, _: random.Random) -> bytes:
    return _value(quote, now_us).replace(f'"price":"{quote.price}"'.encode(), b'"price":NaN')


def _wrong_id(quote: Quote, now_us: int, chance: random.Random) -> bytes:
    value = _value(quote, now_us)
    at = value.index(b'"event_id":"') + len(b'"event_id":"')
    return value[:at] + f"{chance.getrandbits(128):032x}".encode() + value[at + 32 :]


def _at(
    moment: Callable[[Quote, int], int], *, source: str | None = None
) -> Callable[[Quote, int, random.Random], bytes]:
    def make(quote: Quote, now_us: int, _: random.Random) -> bytes:
        return _value(
            replace(quote, event_time_us=moment(quote, now_us), source=source or quote.source), now_us
        )

    return make


def _night(quote: Quote, _: int) -> int:
    """03:00 in New York in winter, 04:00 UTC too early in summer as well."""
    return quote.event_time_us - quote.event_time_us % DAY + 7 * 3600 * US


def _sunday(quote: Quote, _: int) -> int:
    noon = datetime.fromtimestamp(quote.event_time_us / US, UTC).replace(
        hour=17, minute=0, second=0, microsecond=0
    )
    return int((noon - timedelta(days=(noon.weekday() + 1) % 7 or 7)).timestamp()) * US


KINDS: tuple[Malformed, ...] = (
    Malformed("empty", "empty_value", lambda *_: b""),
    Malformed("not JSON", "malformed", lambda *_: b"Will be right back"),
    Malformed("half of the JSON", "malformed", lambda quote, now_us, _: _value(quote, now_us)[:60]),
    Malformed("not UTF-8", "malformed", lambda *_: b"\xff\xfe\x00{"),
    Malformed(
        "unknown schema version",
        "unknown_schema_version",
        _edited(b'"schema_version":1', b'"schema_version":2'),
    ),
    Malformed(
        "schema version null",
        "unknown_schema_version",
        _edited(b'"schema_version":1', b'"schema_version":null'),
    ),
    Malformed(
        "schema version of 10 digits",
        "unknown_schema_version",
        _edited(b'"schema_version":1', b'"schema_version":1234567890'),
    ),
    Malformed(
        "schema version negative",
        "unknown_schema_version",
        _edited(b'"schema_version":1', b'"schema_version":-1'),
    ),
    Malformed("unknown field", "malformed", _edited(b'"currency"', b'"colour":"red","currency"')),
    Malformed("missing field", "malformed", _edited(b'"currency":null,', b"")),
    Malformed("price as a number", "malformed", _price_as_number),
    Malformed("price NaN as a number", "malformed", _not_a_number),
    Malformed("price NaN", "price_not_decimal", _with(price="NaN")),
    Malformed("price Infinity", "price_not_decimal", _with(price="Infinity")),
    Malformed("price 1e400", "price_not_decimal", _with(price="1e400")),
    Malformed("price spelt with a trailing zero", "price_not_decimal", _with(price="10.50")),
    Malformed("price with a line separator behind it", "price_not_decimal", _with(price="10.5\u2028")),
    Malformed("price negative", "price_not_positive", _with(price="-3.25")),
    Malformed("price zero", "price_not_positive", _with(price="0")),
    Malformed("price with 7 decimals", "too_fine", _with(price="1.1234567")),
    Malformed("price with 13 digits", "price_too_large", _with(price="1234567890123")),
    Malformed("day_volume as text", "malformed", _edited(b'"day_volume":', b'"day_volume":"many","x":')),
    Malformed("day_volume negative", "day_volume_not_positive", _with(day_volume=-5)),
    Malformed("unknown market hours", "unknown_market_hours", _with(market_hours="lunch")),
    Malformed("event_id of another quote", "event_id_mismatch", _wrong_id),
    Malformed("unknown symbol", "unknown_instrument", _with(vendor_symbol="NOSUCH")),
    Malformed("unknown source", "unknown_source", _with(source="gossip")),
    Malformed("in the future", "future", _at(lambda quote, now_us: now_us + 3600 * US)),
    Malformed("a month in the future", "future", _at(lambda quote, now_us: now_us + 30 * DAY)),
    Malformed("days old, live", "old", _at(lambda quote, now_us: now_us - 11 * DAY, source="yahoo")),
    Malformed("outside the exchange's hours", "outside_session", _at(_night)),
    Malformed("on a day when it is closed", "outside_session", _at(_sunday)),
)
