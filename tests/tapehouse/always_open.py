"""Instruments that never stop trading, for tests that run at any time, and Alpha Vantage's quotes of them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LISTING = """
  - instrument_id: {0}
    listings:
      - symbol: {0}
        mic: XCRY
        calendar: "{2}"
        currency: USD
        from: 2014-09-17
        vendor_symbols: {{yahoo: {0}-USD{1}}}"""
BUDGETS = """
version: 1
sources:
  alpha_vantage:
    day_in: America/New_York
    shared_from: "00:00"
    seconds_between_calls: 0
    calls: {{live: {}}}
"""


def write_instruments(
    folder: Path, symbols: Iterable[str], *, of_yahoo_only: Iterable[str] = (), calendar: str = "24/7"
) -> Path:
    """The file; a symbol is Alpha Vantage's spelling too, and Yahoo's with -USD behind it."""
    listings = [LISTING.format(symbol, f", alpha_vantage: {symbol}", calendar) for symbol in symbols]
    listings += [LISTING.format(symbol, "", calendar) for symbol in of_yahoo_only]
    file = folder / "instruments.yaml"
    file.write_text("version: 1\ninstruments:" + "".join(listings) + "\n")
    return file


def write_budgets(folder: Path, *, live: int) -> Path:
    """The file, with so many calls a day for the live quotes of Alpha Vantage."""
    file = folder / "budgets.yaml"
    file.write_text(BUDGETS.format(live))
    return file


def quotes_of_today(*symbols: str) -> dict[tuple[str, str], Any]:
    """The vendor's answers by function and symbol."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    fields = {"05. price": "10.50", "06. volume": "7", "07. latest trading day": day}
    return {("GLOBAL_QUOTE", symbol): {"Global Quote": {"01. symbol": symbol} | fields} for symbol in symbols}
