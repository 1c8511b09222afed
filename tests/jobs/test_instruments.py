"""conf/instruments.yaml: what is wrong in it is named with its place."""

from datetime import date
from pathlib import Path

import pytest

from jobs.lake.errors import InstrumentsError
from jobs.lake.instruments import Instruments, read_instruments
from jobs.lake.settings import ROOT

APPLE = """
version: 1
instruments:
  - instrument_id: us-apple
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL}}
"""


def read(folder: Path, text: str) -> Instruments:
    file = folder / "instruments.yaml"
    file.write_text(text)
    return read_instruments(file)


def test_a_renamed_instrument_keeps_its_id() -> None:
    listings = read_instruments(ROOT / "conf" / "instruments.yaml").listings
    meta = [(item.symbol, item.listed_to) for item in listings if item.instrument_id == "us-meta"]
    assert ("FB", date(2022, 6, 9)) in meta
    assert ("META", date(9999, 12, 31)) in meta


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 1", "version: 2", "not an instruments file"),
        ("version: 1", "version: [", "cannot be read"),
        ("  - instrument_id: us-apple", "  - name: us-apple", "has no instrument_id"),
        ("currency: USD, ", "", r"us-apple in .*instruments\.yaml:6: a listing lacks currency"),
        ("1980-12-12", "yesterday", r"us-apple in .*instruments\.yaml:6: not a date"),
        (
            "    listings",
            "    follow: [{source: yahoo, dataset: 1d}]\n    listings",
            "yaml:5: what is followed .*\nfound: no from",
        ),
        (
            "    listings",
            "    follow:\n      - {source: gossip, dataset: 1d, from: 2026-01-02}\n    listings",
            "yaml:6: what is followed .*\nfound: gossip 1d",
        ),
        ("1980-12-12", "1980-12-12 10:00:00", "us-apple .*not a date"),
        ("1980-12-12", "1980-02-30", "cannot be read"),
        ("{yahoo: AAPL}", "[AAPL]", "is not understood"),
        ("- {symbol", "-\n      - {symbol", "is not understood"),
        ("mic: XNAS", "mic: NOWHERE", "no exchange calendar NOWHERE"),
        ("version: 1", "version: 1\ncurrencies: [{unit: GBp}]", "a currency of .* is not understood"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in APPLE
    with pytest.raises(InstrumentsError, match=said):
        read(tmp_path, APPLE.replace(old, new, 1))


def test_a_symbol_that_means_two_instruments_at_once_is_refused(tmp_path: Path) -> None:
    other = APPLE.split("instruments:\n")[1].replace("us-apple", "us-other")
    with pytest.raises(InstrumentsError, match="means two instruments at once"):
        read(tmp_path, APPLE + other)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstrumentsError, match=r"missing\.yaml cannot be read"):
        read_instruments(tmp_path / "missing.yaml")


def test_what_is_followed_is_read(tmp_path: Path) -> None:
    follow = "    follow:\n      - {source: yahoo, dataset: 1d, from: 2026-01-02, to: 2026-06-30}\n"
    (found,) = read(tmp_path, APPLE.rstrip() + "\n" + follow).followed
    assert found == ("us-apple", "yahoo", "1d", date(2026, 1, 2), date(2026, 6, 30))
