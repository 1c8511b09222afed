"""Yahoo's frames to quotes: floats, unknown volumes, and what cannot be decoded."""

import base64
import json

import pytest

from producers.yahoo_frames import decode_frame, encode_frame, quote_of, shortest_decimal
from tests.vendors.drifted_frames import reframed


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (237.1199951171875, "237.12"),
        (252.785003662109, "252.785"),
        (250.0, "250"),
        (0.0001, "0.0001"),
        (1e-7, "0.0000001"),
    ],
)
def test_a_price_is_the_shortest_decimal_that_is_the_same_32_bit_float(sent: float, meant: str) -> None:
    assert shortest_decimal(sent) == meant


def test_a_frame_is_decoded_and_kept_as_received() -> None:
    frame = encode_frame(
        id="AAPL", price=189.54, time=1_693_929_600_000, market_hours=1, day_volume=5, currency="USD"
    )
    message = decode_frame(frame, source="yahoo")
    quote = message.quote
    assert message.frame == frame
    assert quote is not None
    assert (quote.vendor_symbol, quote.price, quote.event_time_us) == (
        "AAPL",
        "189.54",
        1_693_929_600_000_000,
    )
    assert (quote.day_volume, quote.market_hours, quote.currency) == (5, "regular", "USD")


def test_a_volume_of_0_is_unknown_and_so_is_one_that_is_absent() -> None:
    for fields in ({"day_volume": 0}, {}):
        quote = decode_frame(encode_frame(id="AAPL", price=1.5, time=1_000, **fields), source="yahoo").quote
        assert quote is not None
        assert quote.day_volume is None


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"Will be right back",
        b"{}",
        b"[1]",
        b'{"message": 7}',
        b'{"message": "not base64!"}',
        json.dumps({"message": base64.b64encode(b"\xff\xff\xff").decode()}).encode(),
        encode_frame(id='A"B', price=1.0, time=1_000),
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_decoded_has_no_quote_and_is_kept(frame: bytes) -> None:
    message = decode_frame(frame, source="yahoo")
    assert message.quote is None
    assert message.frame == frame


GOOD = {"id": "AAPL", "price": 1.5, "time": 1_000, "currency": "USD"}


@pytest.mark.parametrize(
    ("frame", "problems"),
    [
        (encode_frame(**GOOD | {"price": 0}), ("lost_price",)),
        (encode_frame(price=1.0), ("lost_id", "lost_time")),
        # field 2 as a double, field 7 as a text
        (reframed(encode_frame(**GOOD | {"price": 0}), b"\x11" + bytes(8)), ("retyped_price",)),
        (reframed(encode_frame(**GOOD), b"\x3a\x01x"), ("retyped_market_hours",)),
        (b'{"type":"pricing","data":"x"}', ("lost_message",)),
        (b'{"type":"pricing","message":7}', ("retyped_message",)),
        (b'{"type":"pricing","message":"not base64!"}', ("retyped_message",)),
    ],
)
def test_a_needed_field_that_is_lost_or_retyped_is_named_instead_of_a_quote(
    frame: bytes, problems: tuple[str, ...]
) -> None:
    message = decode_frame(frame, source="yahoo")
    assert (message.quote, message.problems) == (None, problems)
    assert message.render(1) == f'{{"frame_problem":"{",".join(problems)}"}}'.encode()


def test_unknown_fields_are_named_beside_the_quote() -> None:
    # field 99 as a number, and field 12 (change), which no quote has, as a text
    frame = reframed(encode_frame(**GOOD), b"\x98\x06\x05", b"\x62\x01x", version=3)
    message = decode_frame(frame, source="yahoo")
    assert message.quote is not None
    assert (message.problems, message.unknown) == ((), ("envelope.version", "message.99", "message.change"))
    # names are the vendor's: whatever they hold fits everywhere
    odd = decode_frame(b'{"a,b\\u0000\\ud800":1,"message":""}', source="yahoo")
    assert odd.unknown == ("envelope.a?b??",)
    assert ("unknown_fields", b"envelope.version,message.99,message.change") in message.headers()


def test_market_hours_that_yahoo_never_sent_before_are_unknown() -> None:
    quote = quote_of(source="yahoo", symbol="AAPL", time_us=1, price=1.0, day_volume=1, market_hours=9)
    assert quote is not None
    assert quote.market_hours is None
