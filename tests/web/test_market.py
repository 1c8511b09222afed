"""The bars in memory: what was committed is known by its arrival, whatever its time."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from tapehouse.delta import LOG, MERGED
from tapehouse.web.bars import Bar, Key
from tapehouse.web.commits import Follower
from tapehouse.web.market import Market, _read
from tests.web.lake import OPEN, SESSION, SOURCE, PageLake, bar

AAPL = Key(SOURCE, "us-apple")


@pytest.fixture
def lake(tmp_path: Path) -> PageLake:
    return PageLake.in_folder(tmp_path)


@pytest.fixture
def market(lake: PageLake) -> Market:
    lake.commit(bar(0, "11"), bar(1, "12"), bar(0, "20", symbol="MSFT"))
    found = Market(lake.settings)
    found.look()
    found.hold(AAPL)
    found.load(AAPL)
    return found


def closes(market: Market, *, after: int = -1) -> list[float]:
    return [one.close for one in market.bars(AAPL, after=after)]


def look_until(market: Market, table: str, version: int) -> None:
    """Look until a version is seen: a table that comes into being is looked up once a second."""
    deadline = time.monotonic() + 10
    while market.look()[table] < version:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    market.load(AAPL)


def test_what_is_there_at_first_is_known(market: Market) -> None:
    assert closes(market) == [11, 12]
    assert {(key.instrument_id, one.close) for key, one in market.newest()} == {
        ("us-apple", 12),
        ("us-microsoft", 20),
    }
    assert market.sources_of("us-apple") == [SOURCE]


def test_only_what_came_is_new(market: Market, lake: PageLake) -> None:
    before = market.arrival
    lake.commit(bar(2, "13"))
    market.look()
    assert (closes(market, after=before), closes(market)) == ([13], [11, 12, 13])
    assert [key.instrument_id for key, _ in market.newest(after=before)] == ["us-apple"]
    assert market.committed_after(before) is not None


def test_an_older_bar_that_is_revised_arrives_and_is_not_the_newest(market: Market, lake: PageLake) -> None:
    before = market.arrival
    lake.commit(bar(0, "15", revision=1))
    market.look()
    assert [(one.close, one.revision) for one in market.bars(AAPL, after=before)] == [(15, 1)]
    assert {one.close for key, one in market.newest() if key == AAPL} == {12}


def test_a_bar_of_the_log_stands_above_the_merged_one(lake: PageLake) -> None:
    lake.commit(bar(0, "11"), bar(1, "12"))
    lake.log(bar(1, "14"), sequence=7)
    fresh = Market(lake.settings)
    fresh.look()
    fresh.hold(AAPL)
    fresh.load(AAPL)
    assert closes(fresh) == [11, 14]


def test_a_merge_says_again_what_the_log_has_said_and_changes_nothing(market: Market, lake: PageLake) -> None:
    lake.log(bar(1, "14"), sequence=1)
    lake.log(bar(1, "16"), sequence=2)
    look_until(market, LOG, 1)
    lake.commit(bar(1, "14"), kind="merge")
    market.look()
    assert closes(market) == [11, 16]


def test_rows_that_went_are_gone_and_everybody_is_told_all_again(market: Market, lake: PageLake) -> None:
    generation = market.generation
    lake.commit(bar(0, "30"), mode="overwrite", kind="rebuild")
    market.look()
    assert market.generation == generation + 1
    market.load(AAPL)
    assert closes(market) == [30]


def test_a_commit_whose_file_could_not_be_read_is_not_lost(
    market: Market, lake: PageLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the store is away")

    lake.commit(bar(2, "13"))
    with monkeypatch.context() as away:
        away.setattr("tapehouse.web.commits.batches_of", fail)
        with pytest.raises(OSError, match="away"):
            market.look()
    market.look()
    market.load(AAPL)
    assert closes(market) == [11, 12, 13]


def test_a_compaction_is_no_change(market: Market, lake: PageLake) -> None:
    from deltalake import DeltaTable

    from tapehouse.delta import url_of

    lake.commit(bar(2, "13"))
    market.look()
    before = market.arrival, market.generation
    DeltaTable(url_of("gold.bars_1m", lake.settings)).optimize.compact()
    market.look()
    assert ((market.arrival, market.generation), closes(market)) == (before, [11, 12, 13])


def test_only_the_newest_two_sessions_are_shown(lake: PageLake) -> None:
    for day in range(4):
        moment = OPEN + timedelta(days=day)
        lake.commit(bar(0, str(11 + day), bar_start=moment, session=SESSION + timedelta(days=day)))
    market = Market(lake.settings)
    market.look()
    market.hold(AAPL)
    market.load(AAPL)
    assert closes(market) == [13, 14]


def test_what_nobody_looks_at_is_let_go(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapehouse.web.market.MOST_KEPT", 0)
    market.release(AAPL)
    assert market.bars(AAPL) == []


def test_a_lake_that_is_empty_has_no_bar_until_one_comes(lake: PageLake) -> None:
    market = Market(lake.settings)
    assert market.look() == {"gold.bars_1m_log": -1, "gold.bars_1m": -1}
    assert market.newest() == []
    lake.commit(bar(0, "11"))
    look_until(market, MERGED, 0)
    assert [one.close for _, one in market.newest()] == [11]


def test_a_later_session_elsewhere_hides_no_source(lake: PageLake) -> None:
    lake.commit(
        bar(0, "11", source="yahoo"),
        bar(0, "11", symbol="T", source="yahoo", mic="XTKS", session=SESSION + timedelta(days=1)),
        bar(0, "11", symbol="OLD", source="yahoo", mic="XLON", session=SESSION - timedelta(days=12)),
    )
    market = Market(lake.settings)
    market.look()
    assert market.live_sources() == {("yahoo", "XNAS"), ("yahoo", "XTKS")}


def test_rows_that_were_read_before_everything_was_read_anew_do_not_come_back(
    lake: PageLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.commit(bar(0, "11"))
    fresh = Market(lake.settings)
    fresh.look()
    fresh.hold(AAPL)

    def read(tables: dict[str, Follower], key: Key) -> list[Bar]:
        found = _read(tables, key)
        lake.commit(bar(0, "30"), mode="overwrite", kind="rebuild")
        fresh.look()
        return found

    with monkeypatch.context() as between:
        between.setattr("tapehouse.web.market._read", read)
        fresh.load(AAPL)
    fresh.load(AAPL)
    assert closes(fresh) == [30]
