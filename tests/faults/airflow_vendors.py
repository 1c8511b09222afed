"""Two vendors who tell of a few sessions, of one prices below zero if it is to be, and what is followed of them."""

from collections.abc import Sequence

from producers.series_tables import COLUMNS
from tests.vendors.alpha_vantage import AlphaVantageServer
from tests.vendors.yahoo_http import YahooServer, chart

CLOSES = {"AAPL": 270.0, "MSFT": 480.0}
KEY = "a-key-of-alpha-vantage"
# what is followed from a day on
INSTRUMENTS = """version: 1
instruments:
  - instrument_id: us-apple
    follow:
      - {source: yahoo, dataset: 1d, from: FIRST, to: 2025-12-02}
      - {source: alpha_vantage, dataset: 1d, from: FIRST, to: 2025-12-02}
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL, alpha_vantage: AAPL}}
  - instrument_id: us-microsoft
    follow:
      - {source: yahoo, dataset: 1d, from: FIRST, to: 2025-12-02}
    listings:
      - {symbol: MSFT, mic: XNAS, currency: USD, from: 1986-03-13, vendor_symbols: {yahoo: MSFT, alpha_vantage: MSFT}}
"""


def yahoo_of(sessions: Sequence[str], spoilt: str) -> YahooServer:
    """Both instruments."""
    charts = {symbol: chart(symbol, _days(sessions, close, spoilt)) for symbol, close in CLOSES.items()}
    return YahooServer(charts, cuts=True)


def alpha_vantage_of(sessions: Sequence[str], spoilt: str) -> AlphaVantageServer:
    """One of them."""
    days = _days(sessions, CLOSES["AAPL"], spoilt)
    return AlphaVantageServer({("TIME_SERIES_DAILY", "AAPL"): _series(days)}, key=KEY)


def _days(sessions: Sequence[str], close: float, spoilt: str) -> list[tuple[str, float, int]]:
    """A bar a session; the price of the spoilt one is below zero."""
    return [
        (f"{session}T14:30", -1.0 if session == spoilt else close + n, 1_000_000 + n)
        for n, session in enumerate(sessions)
    ]


def _series(days: list[tuple[str, float, int]]) -> dict[str, object]:
    """What Alpha Vantage tells of the same days: prices equal, volumes a little other."""
    bars = {
        day[:10]: dict(zip(COLUMNS, (*[f"{price:.4f}"] * 4, str(volume + 7)), strict=True))
        for day, price, volume in days
    }
    return {"Meta Data": {"5. Time Zone": "US/Eastern"}, "Time Series (Daily)": bars}
