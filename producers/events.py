"""The wire contract, version 1: what a message of topic `quotes.v1` holds.

The key is the vendor's symbol, the header `vendor_frame` the vendor's frame exactly as received. The value is canonical
JSON: these keys in this order, no white space, so that there is one spelling of a quote; the stream renders it again
and rejects what differs. A frame that cannot be decoded is sent with an empty value and without a key; one that can,
but has lost a field that a quote needs, or has it with another type, with the names of those as its value:
`{"frame_problem":"lost_price,retyped_time"}`.
"""

import hashlib
import re
from dataclasses import dataclass

SCHEMA_VERSION = 1
Headers = list[tuple[str, bytes]]
_PLAIN = re.compile(r"[A-Za-z0-9.^=_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Quote:
    """A vendor's snapshot: last price and the day's cumulative volume so far.

    `price` is a plain decimal as text, without exponent or trailing zeros; `day_volume` None is unknown (absent or 0
    at the vendor); times are microseconds since 1970 in UTC.
    """

    source: str
    vendor_symbol: str
    event_time_us: int
    price: str
    day_volume: int | None
    market_hours: str | None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class DayQuote:
    """A snapshot of a vendor that does not say when it was so, only on which `trading_day`: `2026-11-27`."""

    source: str
    vendor_symbol: str
    trading_day: str
    price: str
    day_volume: int | None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent for one frame. `value` stands for the quote's rendering where a message is malformed on purpose.

    `problems` name the fields that the frame has lost, or has with another type; `unknown` those that nobody knew of:
    they stay in the frame, and their names go along as a header.
    """

    source: str
    frame: bytes
    quote: Quote | None
    value: bytes | None = None
    day_quote: DayQuote | None = None
    problems: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def key(self) -> bytes | None:
        known = self.quote or self.day_quote
        return known.vendor_symbol.encode() if known else None

    def render(self, receive_time_us: int) -> bytes:
        """The value to send, received at `receive_time_us`; empty where the frame was not decoded."""
        if self.value is not None:
            return self.value
        if self.problems:
            return f'{{"frame_problem":"{",".join(self.problems)}"}}'.encode()
        known = self.quote or self.day_quote
        return encode(known, receive_time_us=receive_time_us) if known else b""

    def headers(self) -> Headers:
        version = str(SCHEMA_VERSION).encode()
        named = [("unknown_fields", ",".join(self.unknown).encode())] if self.unknown else []
        return [
            ("source", self.source.encode()),
            ("schema_version", version),
            ("vendor_frame", self.frame),
            *named,
        ]


def event_id(quote: Quote | DayQuote) -> str:
    """The first 128 bits of SHA-256 over the fields that make two quotes the same, 32 hex digits.

    The list of fields never changes within a version of the contract; unknown is empty.
    """
    at: tuple[object, ...] = (quote.source, quote.vendor_symbol)
    if isinstance(quote, DayQuote):
        fields = (*at, quote.trading_day, quote.price, quote.day_volume)
    else:
        fields = (*at, quote.event_time_us, quote.price, quote.day_volume, quote.market_hours)
    text = "|".join("" if field is None else str(field) for field in fields)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode(quote: Quote | DayQuote, *, receive_time_us: int) -> bytes:
    """The canonical JSON of a quote."""
    if isinstance(quote, DayQuote):
        when, market_hours = f'"trading_day":{_text(quote.trading_day)}', None
    else:
        when, market_hours = f'"event_time_us":{quote.event_time_us}', quote.market_hours
    return (
        f'{{"schema_version":{SCHEMA_VERSION},"event_id":"{event_id(quote)}","source":{_text(quote.source)},'
        f'"vendor_symbol":{_text(quote.vendor_symbol)},{when},'
        f'"price":{_text(quote.price)},"day_volume":{_number(quote.day_volume)},'
        f'"market_hours":{_text(market_hours)},"currency":{_text(quote.currency)},'
        f'"receive_time_us":{receive_time_us}}}'
    ).encode()


def can_be_spelt(*texts: str | None) -> bool:
    """Whether these texts need no escaping in JSON: a frame with others is not decoded."""
    return all(text is None or _PLAIN.fullmatch(text) for text in texts)


def _text(value: str | None) -> str:
    return "null" if value is None else f'"{value}"'


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)
