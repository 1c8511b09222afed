"""What a chart says of its bars: basis, source, table, sessions, and what is missing."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.errors import InstrumentsError
from tapehouse import exchange_hours
from tapehouse.web.bars import Key
from tapehouse.web.charts import Charts
from tapehouse.web.listings import Listings, Meant
from tapehouse.web.market import Market
from tests.web.lake import OPEN, SESSION, SOURCE, PageLake, bar

APPLE = Meant("us-apple", "AAPL", "XNAS", "America/New_York")
DAY = {"instrument_id": "us-apple", "symbol": "AAPL", "mic": "XNAS", "currency": "USD", "volume": 7}

GAP = {
    "gap_start": OPEN,
    "gap_end": OPEN + timedelta(minutes=3),
    "session": SESSION,
    "units": 3,
    "filled": 0,
    "instrument_id": "us-apple",
    "width": "1 minute",
    "cause": "feed_down",
    "state": "open",
}


@pytest.fixture
def lake(tmp_path: Path) -> PageLake:
    return PageLake.in_folder(tmp_path)


@pytest.fixture(scope="module")
def listings(tmp_path_factory: pytest.TempPathFactory) -> Listings:
    """Read once: what it says is that of the file of every lake here."""
    return listings_of(PageLake.in_folder(tmp_path_factory.mktemp("listings")))


@pytest.fixture
def charts(lake: PageLake, listings: Listings) -> Charts:
    return Charts(lake.settings, listings)


def listings_of(lake: PageLake) -> Listings:
    made = Listings(lake.settings)
    made.look()
    return made


def prices(close: str) -> dict[str, Decimal]:
    return dict.fromkeys(("open", "high", "low", "close"), Decimal(close))


def day(session: date, close: str, **more: Any) -> dict[str, Any]:
    return DAY | {"session": session} | prices(close) | more


def test_days_are_those_of_the_basis_that_is_asked_for(lake: PageLake, charts: Charts) -> None:
    sessions = (date(2026, 11, 23), SESSION)
    lake.write("gold.bars_1d", [day(one, "10", source="yahoo") for one in sessions])
    of_basis = [
        day(one, close, basis=basis, factor=1.0)
        for one in sessions
        for basis, close in (("raw", "10"), ("split_adjusted", "5"))
    ]
    lake.write("gold.adjusted_bars_1d", of_basis)
    for basis, close in (("raw", 10.0), ("split_adjusted", 5.0)):
        found = charts.days(APPLE, basis)
        assert (found["basis"], found["table"], found["source"]) == (basis, "gold.adjusted_bars_1d", "yahoo")
        assert [row[4] for row in found["bars"]] == [close, close]
    assert charts.days(APPLE, "total_return_crsp")["bars"] == []


def test_days_without_adjusted_ones_are_those_as_traded(lake: PageLake, charts: Charts) -> None:
    lake.write(
        "gold.bars_1d", [day(date(2026, 11, 20), "10", source="yahoo"), day(SESSION, "11", source="mine")]
    )
    found = charts.days(APPLE, "raw")
    assert (found["table"], found["sources"], found["source"]) == ("gold.bars_1d", ["mine", "yahoo"], "mine")
    # a Monday lies between, of which there is no bar
    assert found["expected"] == ["2026-11-20", "2026-11-23", "2026-11-24"]


def test_days_of_an_instrument_that_is_not_adjusted_yet_are_those_as_traded(
    lake: PageLake, charts: Charts
) -> None:
    lake.write("gold.bars_1d", [day(SESSION, "10", source="yahoo")])
    lake.write("gold.adjusted_bars_1d", [day(SESSION, "5", instrument_id="other", basis="raw", factor=1.0)])
    found = charts.days(APPLE, "raw")
    assert (found["table"], [row[4] for row in found["bars"]]) == ("gold.bars_1d", [10.0])
    assert charts.days(APPLE, "split_adjusted")["bars"] == []


def test_minutes_that_may_not_be_final_do_not_look_final(lake: PageLake, charts: Charts) -> None:
    minute = DAY | {"session": SESSION, "source": "yahoo", "choice": "incomplete_stream"} | prices("10")
    lake.write(
        "gold.minutes",
        [
            minute | {"bar_start": OPEN, "volume_is_complete": True},
            minute | {"bar_start": OPEN + timedelta(minutes=1), "volume_is_complete": False},
        ],
    )
    told = [(row[6], row[-1]) for row in charts.minutes(APPLE)["bars"]]
    assert told == [(1, "yahoo, incomplete_stream"), (2, "yahoo, incomplete_stream: may not be final")]


def test_minutes_tell_of_a_gap_that_is_known_later(lake: PageLake, charts: Charts) -> None:
    minute = DAY | {"session": SESSION, "volume_is_complete": True, "source": "yahoo", "choice": "stream"}
    lake.write("gold.minutes", [minute | {"bar_start": OPEN} | prices("10")])
    assert charts.minutes(APPLE)["gaps"] == []
    lake.write("gold.gaps", [GAP | {"source": "yahoo"}])
    assert [one["cause"] for one in charts.minutes(APPLE)["gaps"]] == ["feed_down"]


def test_minutes_say_who_serves_each(lake: PageLake, charts: Charts) -> None:
    minute = DAY | {"session": SESSION, "volume_is_complete": True} | prices("10")
    lake.write(
        "gold.minutes",
        [
            minute | {"bar_start": OPEN, "source": "yahoo", "choice": "stream"},
            minute | {"bar_start": OPEN + timedelta(minutes=1), "source": "yahoo", "choice": "vendor"},
        ],
    )
    found = charts.minutes(APPLE)
    assert [row[-1] for row in found["bars"]] == ["yahoo", "yahoo, vendor"]
    assert found["sessions"] == [("2026-11-24", 1795530600, 1795554000)]


def test_a_table_is_read_again_only_when_it_has_another_version(lake: PageLake, charts: Charts) -> None:
    lake.write("gold.bars_1d", [day(SESSION, "10", source="yahoo")])
    first = charts.days(APPLE, "raw")
    lake.write("gold.bars_1d", [day(SESSION + timedelta(days=1), "11", source="yahoo")])
    assert (len(first["bars"]), len(charts.days(APPLE, "raw")["bars"])) == (1, 2)


def test_what_is_known_to_be_missing_is_told_beside_the_bars(lake: PageLake, charts: Charts) -> None:
    lake.commit(bar(0, "11"))
    lake.write("gold.gaps", [GAP | {"source": SOURCE}, GAP | {"source": "another"}])
    market = Market(lake.settings)
    market.look()
    key = Key(SOURCE, "us-apple")
    market.hold(key)
    market.load(key)
    found = charts.live(APPLE, key, market.bars(key), [SOURCE], market.currency_of(key))
    assert [(one["cause"], one["gap_start"]) for one in found["gaps"]] == [("feed_down", 1795530600)]
    told = [found[name] for name in ("basis", "source", "table", "currency")]
    assert told == ["raw", SOURCE, "gold.bars_1m", "USD"]


def test_sessions_are_those_of_the_exchange_with_its_half_days(listings: Listings) -> None:
    # Thanksgiving between, and a half day after it
    found = listings.sessions_between("XNAS", date(2026, 11, 25), date(2026, 11, 27))
    assert [name for name, _, _ in found] == ["2026-11-25", "2026-11-27"]
    assert datetime.fromtimestamp(found[1][2], UTC) == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
    assert listings.sessions_between("24/7", SESSION, SESSION) == []


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (datetime(2026, 11, 27, 14, 29, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 27, 14, 30, tzinfo=UTC), True),
        (datetime(2026, 11, 27, 17, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 27, 18, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 28, 15, 0, tzinfo=UTC), False),
    ],
)
def test_an_exchange_is_open_when_status_says_so(
    listings: Listings, moment: datetime, *, is_open: bool
) -> None:
    assert (listings.is_open("XNAS", moment), exchange_hours.is_open("XNAS", moment)) == (is_open, is_open)
    assert listings.is_open("XCRY", moment)


def test_a_calendar_that_is_in_no_file_is_asked_for(lake: PageLake) -> None:
    listings, moment = listings_of(lake), datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    assert not listings.is_open("XLON", moment)
    listings.look()
    assert listings.is_open("XLON", moment)


def test_the_instruments_are_those_of_the_file_as_it_is_now(lake: PageLake) -> None:
    listings = listings_of(lake)
    assert listings.named()["us-apple"] == ("AAPL", "XNAS")
    file = lake.folder / "instruments.yaml"
    file.write_text(file.read_text().replace("us-apple", "us-pear"))
    listings.look()
    assert listings.find("aapl", []) == Meant("us-pear", "AAPL", "XNAS", "America/New_York")
    assert listings.find("NOSUCH", []) is None


def test_a_file_that_is_not_understood_is_named(lake: PageLake) -> None:
    (lake.folder / "instruments.yaml").write_text("nonsense")
    with pytest.raises(InstrumentsError, match=r"instruments\.yaml cannot be read"):
        listings_of(lake)
