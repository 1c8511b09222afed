"""Alpha Vantage's quotes to messages: a price and the volume of a trading day, without a time.

Numbers come as text and are taken as sent, without their trailing zeros.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from producers.alpha_vantage import SOURCE, Answer
from producers.errors import UnreadableError
from producers.events import DayQuote, Message, can_be_spelt
from producers.strangers import spell_strangers

# by the name of what is lost or has another type
NEEDED = {
    "id": ("01. symbol", r"\S+"),
    "price": ("05. price", r"-?[0-9]+(\.[0-9]+)?"),
    "time": ("07. latest trading day", r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "day_volume": ("06. volume", r"[0-9]{1,18}"),
}
BESIDE = (
    *("02. open", "03. high", "04. low"),
    *("08. previous close", "09. change", "10. change percent"),
)
KNOWN = {name for name, _ in NEEDED.values()} | set(BESIDE)


def decode_quote(answer: Answer) -> Message:
    """The message of one answer; its body is the frame. A field that is lost or retyped is named instead of a quote."""
    problems = tuple(problem for field in NEEDED if (problem := _problem(field, answer.data)))
    unknown = spell_strangers(set(answer.data) - KNOWN)
    quote = None if problems else _quote(answer.data)
    return Message(SOURCE, answer.body, None, day_quote=quote, problems=problems, unknown=unknown)


def undecoded(error: UnreadableError) -> Message:
    """The message of an answer that holds no quote where one was."""
    return Message(SOURCE, error.body, None, problems=(error.problem,))


def _problem(field: str, data: Mapping[str, Any]) -> str | None:
    name, pattern = NEEDED[field]
    if name not in data:
        # without a volume it is a quote whose volume is unknown
        return None if field == "day_volume" else f"lost_{field}"
    value = data[name]
    return None if isinstance(value, str) and re.fullmatch(pattern, value) else f"retyped_{field}"


def _quote(data: Mapping[str, Any]) -> DayQuote | None:
    symbol, price, day, volume = (data.get(name, "0") for name, _ in NEEDED.values())
    if not can_be_spelt(symbol):
        return None
    return DayQuote(SOURCE, symbol, day, _plain(price), int(volume) or None)


def _plain(number: str) -> str:
    """`112.1300` is 112.13, and `250.00` is 250."""
    text = format(Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
