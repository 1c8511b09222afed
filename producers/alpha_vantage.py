"""Alpha Vantage: its own client with a time limit, a look at the status, and its key kept out of every message.

JSON only: in its CSV mode the vendor's error texts would be rows. Errors come with HTTP 200 as one-key JSON and are
told apart by their words, which have changed over the years.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import requests
from alpha_vantage.timeseries import TimeSeries

from producers.errors import (
    DayIsSpentError,
    KeyRefusedError,
    OutageError,
    PremiumError,
    RefusedError,
    SourceError,
    TooFastError,
    UnknownSymbolError,
    UnreadableError,
)

SOURCE = "alpha_vantage"
URL = "https://www.alphavantage.co/query?"
CONNECT_WITHIN, ANSWER_WITHIN = 5.0, 30.0
# in this order: the words about bursts name the daily limit too, and all of them praise the premium plans
NOTICES: tuple[tuple[str, type[SourceError], str], ...] = (
    (r"spreading out|per second|per minute", TooFastError, "ask more slowly"),
    (r"premium (endpoint|feature)", PremiumError, "leave it away, or use a key that has it"),
    (r"\bper day\b|daily rate limit", DayIsSpentError, "wait until tomorrow"),
)
# the vendor's names of what it answers, however they go on
NAMES = ("Global Quote", "Time Series (Daily)", "Meta Data")


class Answer(NamedTuple):
    """The body exactly as it was received, and what it says; numbers are still text."""

    body: bytes
    data: dict[str, Any]
    meta: dict[str, Any]


class AlphaVantage(TimeSeries):  # type: ignore[misc]
    """The vendor's client. `take` is called before each call that goes out, and may refuse it."""

    def __init__(self, key: str, *, take: Callable[[], None], url: str = URL) -> None:
        super().__init__(key=key, output_format="json")
        self._take, self._url = take, url
        self._body = b""

    def quote(self, symbol: str) -> Answer:
        """The last price and the day's volume, under a trading day and without a time."""
        return self._answer(lambda: self.get_quote_endpoint(symbol=quote(symbol, safe="")), symbol)

    def daily(self, symbol: str, *, whole: bool) -> Answer:
        """Daily bars raw as traded: the last 100, or all."""
        size = "full" if whole else "compact"
        return self._answer(lambda: self.get_daily(symbol=quote(symbol, safe=""), outputsize=size), symbol)

    def minutes(self, symbol: str, *, month: str) -> Answer:
        """Minute bars of a month, `2026-11`, raw as traded, those before and after the session among them."""
        return self._answer(
            lambda: self.get_intraday(
                symbol=quote(symbol, safe=""),
                interval="1min",
                outputsize="full",
                month=month,
                adjusted="false",
            ),
            symbol,
        )

    def _answer(self, call: Any, symbol: str) -> Answer:
        try:
            data, meta = call()
        except KeyError as error:
            raise self._changed("lost_message", f"no {error}") from None
        if not data:
            raise UnknownSymbolError(
                f"Alpha Vantage knows nothing of {symbol}",
                found="an empty answer",
                remedy="look at its vendor_symbols in conf/instruments.yaml",
            )
        return Answer(self._body, data, meta or {})

    def _handle_api_call(self, url: str) -> dict[str, Any]:
        """What the vendor's client calls with the address that it has made."""
        address = self._url + url.removeprefix(URL)
        self._take()
        try:
            response = requests.get(address, timeout=(CONNECT_WITHIN, ANSWER_WITHIN))
        except requests.RequestException as error:
            # its text holds the address, and that the key
            raise OutageError(
                "Alpha Vantage does not answer",
                found=self._without_key(f"{type(error).__name__}: {error}"),
                remedy="look at the network; it is tried again by the next run",
            ) from None
        self._body = response.content
        if response.status_code in {403, 429}:
            raise RefusedError(
                "Alpha Vantage refuses",
                found=f"HTTP {response.status_code}",
                remedy="leave it alone for a while",
            )
        if response.status_code != requests.codes.ok:
            raise OutageError(
                "Alpha Vantage is out of order",
                found=f"HTTP {response.status_code}",
                remedy="try again later",
            )
        try:
            content = response.json()
        except ValueError:
            raise self._unreadable("no JSON") from None
        if not isinstance(content, dict):
            raise self._unreadable(f"a {type(content).__name__}")
        self._raise_notice(content)
        for key, value in content.items():
            if _name(key) in NAMES and not isinstance(value, dict):
                raise self._changed("retyped_message", f"a {type(value).__name__} under {key}")
        return {_name(key): value for key, value in content.items()} | (
            {} if content else {"Global Quote": {}}
        )

    def _raise_notice(self, content: dict[str, Any]) -> None:
        if text := str(content.get("Error Message") or ""):
            if "apikey" in text:
                raise KeyRefusedError(
                    "Alpha Vantage refuses the key",
                    found=self._without_key(text),
                    remedy="set ALPHAVANTAGE_API_KEY to one of yours",
                )
            raise UnknownSymbolError(
                "Alpha Vantage does not know what was asked for",
                found=self._without_key(text),
                remedy="look at the symbol's vendor_symbols in conf/instruments.yaml",
            )
        text = str(content.get("Information") or content.get("Note") or "")
        if not text:
            return
        for words, kind, remedy in NOTICES:
            if re.search(words, text, re.IGNORECASE):
                raise kind("Alpha Vantage gives no data", found=self._without_key(text), remedy=remedy)
        raise RefusedError(
            "Alpha Vantage gives no data, in words that are not known here",
            found=self._without_key(text),
            remedy="leave it alone for a while",
        )

    def _unreadable(self, what: str) -> OutageError:
        return OutageError(
            "Alpha Vantage's answer cannot be read", found=self._within(what), remedy="try again later"
        )

    def _changed(self, problem: str, what: str) -> UnreadableError:
        return UnreadableError(
            "Alpha Vantage's answer has another form than it had",
            found=self._within(what),
            remedy="mend producers/alpha_vantage.py",
            problem=problem,
            body=self._body,
        )

    def _within(self, what: str) -> str:
        return f"{what} in: {self._without_key(self._body.decode(errors='replace'))[:80]}"

    def _without_key(self, text: str) -> str:
        return " ".join(text.replace(self.key, "(key)").replace(quote(self.key, safe=""), "(key)").split())[
            :300
        ]


def _name(key: str) -> str:
    """`Global Quote - DATA DELAYED BY 15 MINUTES` is a Global Quote."""
    return next((name for name in NAMES if key.startswith(name)), key)
