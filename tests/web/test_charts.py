"""What a chart says of its bars: basis, source, table, sessions, and what is missing."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tapehouse.web.bars import Key
from tapehouse.web.charts import Charts
from tapehouse.web.listings import Listings, Meant, sessions_between
from tapehouse.web.market import Market
from tests.web.lake import OPEN, SESSION, SOURCE, PageLake, bar

APPLE = Meant("us-apple", "AAPL", "XNAS", "America/New_York")
DAY = {"instrument_id": "us-apple", "symbol": "AAPL", "mic": "XNAS", "currency": "USD", "volume": 7}


@pytest.fixture
def lake(tmp_path: Path) -> PageLake:
    return PageLake.in_folder(tmp_path)


def prices(close: str) -> dict[str, Decimal]:
    return dict.fromkeys(("open", "high", "low", "close"), Decimal(close))


def day(session: date, close: str, **more: Any) -> dict[str, Any]:
    return DAY | {"session": session} | prices(close) | more


def test_days_are_those_of_the_basis_that_is_asked_for(lake: PageLake) -> None:
    sessions = (date(2026, 11, 23), SESSION)
    lake.write("gold.bars_1d", [day(one, "10", source="yahoo") for one in sessions])
    of_basis = [
        day(one, close, basis=basis, factor=1.0)
        for one in sessions
        for basis, close in (("raw", "10"), ("split_adjusted", "5"))
    ]
    lake.write("gold.adjusted_bars_1d", of_basis)
    charts = Charts(lake.settings)
    for basis, close in (("raw", 10.0), ("split_adjusted", 5.0)):
        found = charts.days(APPLE, basis)
        assert (found["basis"], found["table"], found["source"]) == (basis, "gold.adjusted_bars_1d", "yahoo")
        assert [row[4] for row in found["bars"]] == [close, close]
    assert charts.days(APPLE, "total_return_crsp")["bars"] == []


def test_days_without_adjusted_ones_are_those_as_traded(lake: PageLake) -> None:
    lake.write(
        "gold.bars_1d", [day(date(2026, 11, 20), "10", source="yahoo"), day(SESSION, "11", source="mine")]
    )
    found = Charts(lake.settings).days(APPLE, "raw")
    assert (found["table"], found["sources"], found["source"]) == ("gold.bars_1d", ["mine", "yahoo"], "mine")
    # a Monday lies between, of which there is no bar
    assert found["expected"] == ["2026-11-20", "2026-11-23", "2026-11-24"]


def test_minutes_say_who_serves_each(lake: PageLake) -> None:
    minute = DAY | {"session": SESSION, "volume_is_complete": True} | prices("10")
    lake.write(
        "gold.minutes",
        [
            minute | {"bar_start": OPEN, "source": "yahoo", "choice": "stream"},
            minute | {"bar_start": OPEN + timedelta(minutes=1), "source": "yahoo", "choice": "vendor"},
        ],
    )
    found = Charts(lake.settings).minutes(APPLE)
    assert [row[-1] for row in found["bars"]] == ["yahoo", "yahoo, vendor"]
    assert found["sessions"] == [("2026-11-24", 1795530600, 1795554000)]


def test_a_table_is_read_again_only_when_it_has_another_version(lake: PageLake) -> None:
    lake.write("gold.bars_1d", [day(SESSION, "10", source="yahoo")])
    charts = Charts(lake.settings)
    first = charts.days(APPLE, "raw")
    lake.write("gold.bars_1d", [day(SESSION + timedelta(days=1), "11", source="yahoo")])
    assert (len(first["bars"]), len(charts.days(APPLE, "raw")["bars"])) == (1, 2)


def test_what_is_known_to_be_missing_is_told_beside_the_bars(lake: PageLake) -> None:
    lake.commit(bar(0, "11"))
    gap = {
        "gap_start": OPEN,
        "gap_end": OPEN + timedelta(minutes=3),
        "session": SESSION,
        "units": 3,
        "filled": 0,
    }
    gap |= {"instrument_id": "us-apple", "width": "1 minute", "cause": "feed_down", "state": "open"}
    lake.write("gold.gaps", [gap | {"source": SOURCE}, gap | {"source": "another"}])
    market = Market(lake.settings)
    market.look()
    key = Key(SOURCE, "us-apple")
    market.hold(key)
    found = Charts(lake.settings).live(APPLE, key, market.bars(key), [SOURCE], market.currency_of(key))
    assert [(one["cause"], one["gap_start"]) for one in found["gaps"]] == [("feed_down", 1795530600)]
    told = [found[name] for name in ("basis", "source", "table", "currency")]
    assert told == ["raw", SOURCE, "gold.bars_1m", "USD"]


def test_sessions_are_those_of_the_exchange_with_its_half_days() -> None:
    # Thanksgiving between, and a half day after it
    assert [name for name, _, _ in sessions_between("XNAS", date(2026, 11, 25), date(2026, 11, 27))] == [
        "2026-11-25",
        "2026-11-27",
    ]
    ((_, _, closes),) = sessions_between("XNAS", date(2026, 11, 27), date(2026, 11, 27))
    assert datetime.fromtimestamp(closes, UTC) == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert sessions_between("24/7", SESSION, SESSION) == []
    assert sessions_between("NOSUCH", SESSION, SESSION) == []


def test_the_instruments_are_those_of_the_file_as_it_is_now(lake: PageLake) -> None:
    listings = Listings(lake.settings)
    assert listings.named()["us-apple"] == ("AAPL", "XNAS")
    file = lake.folder / "instruments.yaml"
    file.write_text(file.read_text().replace("us-apple", "us-pear"))
    assert "us-pear" in listings.named()
    found = listings.find("aapl", [])
    assert found is not None
    assert found == Meant("us-pear", "AAPL", "XNAS", "America/New_York")
    assert listings.find("NOSUCH", []) is None
