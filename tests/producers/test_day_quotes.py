"""Alpha Vantage's quotes as messages: the recorded form, and every way in which it may change."""

import json
from typing import Any

import pytest

from producers.alpha_vantage import Answer
from producers.day_quotes import decode_quote
from producers.events import DayQuote

SENT = {
    "01. symbol": "MSFT",
    "02. open": "108.9000",
    "03. high": "109.6700",
    "04. low": "107.6900",
    "05. price": "112.1300",
    "06. volume": "29068873",
    "07. latest trading day": "2018-10-05",
    "08. previous close": "112.7900",
    "09. change": "-0.6600",
    "10. change percent": "-0.5852%",
}


def answer(**changes: Any) -> Answer:
    """What was sent with fields changed, named by their numbers: None takes one away."""
    names = {name[:2]: name for name in SENT}
    data = SENT | {names.get(number[1:], number): value for number, value in changes.items()}
    kept = {name: value for name, value in data.items() if value is not None}
    return Answer(json.dumps({"Global Quote": kept}).encode(), kept, {})


def test_a_quote_is_its_price_and_volume_under_a_day_and_keeps_the_body() -> None:
    message = decode_quote(answer())
    assert message.day_quote == DayQuote("alpha_vantage", "MSFT", "2018-10-05", "112.13", 29_068_873)
    assert (message.key, message.quote, message.problems, message.unknown) == (b"MSFT", None, (), ())
    assert json.loads(message.frame)["Global Quote"] == SENT
    assert b'"trading_day":"2018-10-05"' in message.render(1)


@pytest.mark.parametrize(
    ("sent", "price"),
    [
        ("250.0000", "250"),
        ("0.5", "0.5"),
        ("100", "100"),
        ("0007.10", "7.1"),
        ("9" * 30 + ".70", "9" * 30 + ".7"),
    ],
)
def test_a_price_is_the_decimal_that_was_sent(sent: str, price: str) -> None:
    quote = decode_quote(answer(_05=sent)).day_quote
    assert quote is not None
    assert quote.price == price


@pytest.mark.parametrize("volume", ["0", None])
def test_a_volume_of_zero_or_none_is_unknown(volume: str | None) -> None:
    quote = decode_quote(answer(_06=volume)).day_quote
    assert quote is not None
    assert quote.day_volume is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"_01": None}, "lost_id"),
        ({"_05": None}, "lost_price"),
        ({"_07": None}, "lost_time"),
        ({"_05": 112.13}, "retyped_price"),
        ({"_05": "n/a"}, "retyped_price"),
        ({"_06": "29,068,873"}, "retyped_day_volume"),
        ({"_07": "10/05/2018"}, "retyped_time"),
    ],
)
def test_a_field_that_is_lost_or_retyped_is_named_instead_of_a_quote(
    change: dict[str, Any], problem: str
) -> None:
    message = decode_quote(answer(**change))
    assert (message.day_quote, message.problems) == (None, (problem,))
    assert message.render(1) == b'{"frame_problem":"%s"}' % problem.encode()


def test_a_symbol_that_cannot_be_spelt_is_sent_undecoded() -> None:
    message = decode_quote(answer(_01="A|B"))
    assert (message.day_quote, message.problems, message.render(1)) == (None, (), b"")


def test_what_nobody_knows_goes_along_by_name() -> None:
    message = decode_quote(answer(_mood="good"))
    assert message.day_quote is not None
    assert message.unknown == ("_mood",)
