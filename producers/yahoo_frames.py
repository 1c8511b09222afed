"""Yahoo's stream frames: JSON around base64 around the protobuf message PricingData."""

import base64
import binascii
import functools
import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from producers.events import Message, Quote, can_be_spelt
from producers.strangers import spell_strangers

ENVELOPE = {"type", "message"}
# of PricingData: what a quote is made of, and what no quote can be without
USED = ("id", "price", "time", "currency", "market_hours", "day_volume")
NEEDED = ("id", "price", "time")
MARKET_HOURS = {0: "pre", 1: "regular", 2: "post", 3: "extended"}


def decode_frame(frame: bytes, *, source: str) -> Message:
    """The message of a frame; one that cannot be decoded has no quote and is sent all the same."""
    from google.protobuf.message import DecodeError

    problems: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    try:
        envelope = json.loads(frame)
        unknown = spell_strangers(f"envelope.{name}" for name in set(envelope) - ENVELOPE)
        problems = _lost_message(envelope)
        data = _pricing_data().FromString(base64.b64decode(envelope["message"], validate=True))
    except (ValueError, KeyError, TypeError, binascii.Error, DecodeError, RecursionError):
        return Message(source, frame, None, problems=problems, unknown=unknown)
    problems, strangers = _drift(data)
    quote = None if problems else _quote(data, source)
    return Message(source, frame, quote, problems=problems, unknown=unknown + strangers)


def encode_frame(**fields: Any) -> bytes:
    """A frame as Yahoo would send it, from the fields of PricingData."""
    payload = base64.b64encode(_pricing_data()(**fields).SerializeToString()).decode()
    return json.dumps({"type": "pricing", "message": payload}, separators=(",", ":")).encode()


def quote_of(
    *,
    source: str,
    symbol: str,
    time_us: int,
    price: float,
    day_volume: int,
    market_hours: int,
    currency: str = "",
) -> Quote | None:
    """A quote from the vendor's own values; None where one of them cannot be meant.

    The price was a 32-bit float: it is the shortest decimal that is the same float. Yahoo leaves out what is zero, so
    a volume of 0 is unknown.
    """
    if not can_be_spelt(symbol, currency or None) or time_us <= 0:
        return None
    hours = MARKET_HOURS.get(market_hours)
    return Quote(
        source, symbol, time_us, shortest_decimal(price), day_volume or None, hours, currency or None
    )


def shortest_decimal(price: float) -> str:
    """The shortest decimal that is the same 32-bit float: 237.1199951171875 was sent as 237.12."""
    import numpy

    return numpy.format_float_positional(numpy.float32(price), unique=True, trim="-")


def _quote(data: Any, source: str) -> Quote | None:
    return quote_of(
        source=source,
        symbol=data.id,
        time_us=data.time * 1000,
        price=data.price,
        day_volume=data.day_volume,
        market_hours=data.market_hours,
        currency=data.currency,
    )


def _lost_message(envelope: Any) -> tuple[str, ...]:
    """What is wrong with a pricing frame whose message cannot be read; nothing is said of other frames."""
    if not isinstance(envelope, dict) or envelope.get("type") != "pricing":
        return ()
    return ("retyped_message",) if "message" in envelope else ("lost_message",)


def _drift(data: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The needed fields that are lost or have another type, and the names or numbers of fields that nobody knew of.

    Yahoo leaves out what is 0 or empty: only what no quote can be without is lost.
    """
    from google.protobuf.unknown_fields import UnknownFieldSet

    names = {field.number: field.name for field in data.DESCRIPTOR.fields}
    # a known number is unknown only with another type
    numbers = {field.field_number for field in cast("Iterable[Any]", UnknownFieldSet(data))}
    strangers = {names.get(number, str(number)) for number in numbers}
    retyped = [name for name in USED if name in strangers]
    lost = [name for name in NEEDED if name not in retyped and not getattr(data, name)]
    problems = [f"lost_{name}" for name in lost] + [f"retyped_{name}" for name in retyped]
    return tuple(problems), spell_strangers(f"message.{name}" for name in strangers.difference(USED))


@functools.cache
def _pricing_data() -> Any:
    """yfinance's own PricingData, without importing the package around it (two seconds)."""
    package = importlib.util.find_spec("yfinance")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("yfinance is not installed: run `make setup`")
    file = Path(package.submodule_search_locations[0]) / "pricing_pb2.py"
    spec = importlib.util.spec_from_file_location("yahoo_pricing_pb2", file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{file} is missing: run `make setup`")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PricingData
