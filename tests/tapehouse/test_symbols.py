"""Symbols in any spelling."""

from datetime import date
from pathlib import Path

import pytest

from jobs.lake.errors import UsageError
from jobs.lake.instruments import read_instruments
from tapehouse.paths import ROOT
from tapehouse.symbols import spell

LISTINGS = read_instruments(Path(ROOT) / "conf" / "instruments.yaml").listings
TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("vendor", "wanted", "spelt"),
    [
        ("yahoo", ["BRK.B"], ["BRK-B"]),
        ("alpha_vantage", ["BRK-B"], ["BRK.B"]),
        ("yahoo", ["aapl", "MSFT"], ["AAPL", "MSFT"]),
        # renamed: its old symbol still means it
        ("yahoo", ["FB"], ["META"]),
        # one instrument, however often and in whichever spelling
        ("yahoo", ["BRK.B", "META", "BRK-B", "FB"], ["BRK-B", "META"]),
        ("yahoo", ["OCDO.LON"], ["OCDO.L"]),
    ],
)
def test_any_spelling_finds_the_vendors_own(vendor: str, wanted: list[str], spelt: list[str]) -> None:
    assert [found.listed_symbol for found in spell(wanted, LISTINGS, vendor=vendor, day=TODAY)] == spelt


def test_a_symbol_is_spelt_as_on_that_day() -> None:
    (found,) = spell(["META"], LISTINGS, vendor="yahoo", day=date(2020, 1, 2))
    assert found.listed_symbol == "FB"


def test_an_unknown_symbol_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="AAPL"):
        spell(["APPL"], LISTINGS, vendor="yahoo", day=TODAY)


def test_a_symbol_that_the_vendor_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="no symbol at alpha_vantage"):
        spell(["BTC-USD"], LISTINGS, vendor="alpha_vantage", day=TODAY)
