"""`tapehouse gaps --fill`: bounded fetches within the budget, asked of vendors on loopback."""

import json
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.work_list import FETCH, LOOK, MOST_TRIES, Work, WorkList
from tests.check_lake import (
    FIRST,
    LAST,
    checked,
    follow,
    listed,
    states,
    taken_in,
)
from tests.secret_search import SECRET
from tests.stack import Stack, call
from tests.vendors.alpha_vantage import AlphaVantageServer
from tests.vendors.yahoo_http import YahooServer, chart

# of yfinance and pandas, about each other
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def lake(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return follow(stack, tmp_path, monkeypatch)


def fill(*options: str, expect: int = 0) -> dict[str, Any]:
    code, out, err = call("gaps", "--fill", *options, "--json")
    assert code == expect, err + out
    return dict(json.loads(out))


def test_a_fill_asks_for_what_is_open_a_bounded_number_of_times(
    lake: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checked(lake).inserted == 6
    # the days come in one answer; the minutes of years ago cannot be had
    charts = {"AAPL": chart("AAPL", [("2020-11-25T14:30", 111.5, 5), ("2020-11-27T14:30", 112.5, 6)])}
    answers = {("TIME_SERIES_DAILY", "MSFT"): {"Error Message": "Invalid API call. Please retry."}}
    with YahooServer(charts) as yahoo, AlphaVantageServer(answers, key=SECRET) as other:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", yahoo.url)
        monkeypatch.setenv("TAPEHOUSE_ALPHA_VANTAGE_URL", other.url)
        report = fill("--symbols", "AAPL")
        assert [(one["dataset"], one["begins"], one["ends"], one["state"]) for one in report["outcomes"]] == [
            ("actions", "2020-11-24", "2020-11-28", "fetched"),
            ("bars_1d", "2020-11-24", "2020-11-28", "fetched"),
        ]
        assert ["Yahoo has minutes of the last 29 days only" in one for one in report["given_up"]] == [True]
        for tries in range(1, MOST_TRIES + 1):
            assert len(fill("--symbols", "MSFT", "--max", "1", expect=1)["outcomes"]) == 1
            assert f"alpha_vantage 1d 2020-11-27 1 not_fetched open {tries}" in states()
        asked = len(other.asked)
        assert asked <= MOST_TRIES
        # both were tried as often as they may be
        assert (fill("--symbols", "MSFT")["outcomes"], len(other.asked)) == ([], asked)
        # what waits to be loaded is not asked for again
        assert [one["state"] for one in fill()["outcomes"]] == ["fetched", "had"]
    assert listed()["work"][FETCH] == {"open": 3, "given_up": 3}
    # to look again brings no other try to what was given up, and what is not wanted any more is done
    assert checked(lake).version is None
    assert listed()["work"][FETCH] == {"open": 3, "given_up": 3}
    # what came is taken in as the vendor's days, which are missed no longer; the stream's table is not made of it
    assert [line for line in states("--symbols", "AAPL") if line.startswith("yahoo 1d 2020-11-2")] != []
    taken_in(lake)
    assert checked(lake).deleted == 2
    # the 24th was asked for too, and nothing was told of it
    assert [line for line in states("--symbols", "AAPL") if line.startswith("yahoo 1d 2020-11-2")] == [
        "yahoo 1d 2020-11-24 1 no_trade answered 0"
    ]
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'bars_1m'"
    assert lake.one(tables) == "0"


def test_what_the_budget_refuses_waits_without_a_try(lake: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(lake)
    plan = lake.settings.budgets
    plan.write_text(plan.read_text().replace(f"fill: {MOST_TRIES}", "fill: 0"))
    with AlphaVantageServer({}, key=SECRET) as other:
        monkeypatch.setenv("TAPEHOUSE_ALPHA_VANTAGE_URL", other.url)
        report = fill("--symbols", "MSFT", expect=1)
        assert [one["state"] for one in report["outcomes"]] == ["waiting"]
        assert (report["still_open"], other.asked) == (2, [])
    assert states("--symbols", "MSFT") == [
        "alpha_vantage 1d 2020-11-25 1 not_fetched open 0",
        "alpha_vantage 1d 2020-11-27 1 not_fetched open 0",
    ]
    code, out, _ = call("gaps")
    assert (code, "to fetch: 6 open, 0 given up" in out) == (0, True)
    # nothing of it waits in a request: the list of work knows
    code, out, _ = call("budget", "--json")
    assert {one["source"]: one["waiting"] for one in json.loads(out)}["alpha_vantage"] == 0


def test_work_that_is_found_again_keeps_its_tries_until_it_was_done(lake: Stack) -> None:
    def one(day: int) -> Work:
        return Work(f"day {day}", "yahoo", "us-apple", date(2020, 11, day), "1d", "1 missing: not_fetched")

    def are() -> list[tuple[str, str, int]]:
        return [(found.work.subject, found.state, found.tries) for found in work.not_done(FETCH)]

    with closing(WorkList(lake.settings)) as work:
        work.keep(FETCH, [one(23), one(24), one(25)], first=FIRST, last=LAST)
        # what was tried least comes first, of those the newest
        work.tried(FETCH, ["day 25"])
        assert are() == [("day 24", "open", 0), ("day 23", "open", 0), ("day 25", "open", 1)]
        # what is outside the range stays as it is, what is within it and not found is done
        work.keep(FETCH, [one(25)], first=FIRST + timedelta(1), last=LAST)
        assert are() == [("day 23", "open", 0), ("day 25", "open", 1)]
        work.keep(FETCH, [one(24), one(25)], first=FIRST, last=LAST)
        assert are() == [("day 24", "open", 0), ("day 25", "open", 1)]
        for _ in range(MOST_TRIES - 1):
            work.tried(FETCH, ["day 25"])
        work.give_up(FETCH, ["day 24"], reason="it is too old")
        work.keep(FETCH, [one(24), one(25)], first=FIRST, last=LAST)
        assert are() == [("day 24", "given_up", 0), ("day 25", "given_up", MOST_TRIES)]
        assert work.not_done(FETCH)[0].work.reason == "it is too old"
        work.keep(LOOK, [], first=FIRST, last=LAST)
        assert work.counts() == {FETCH: {"open": 0, "given_up": 2}, LOOK: {"open": 0, "given_up": 0}}
        # what was done and comes back begins anew
        work.keep(FETCH, [], first=FIRST, last=LAST)
        work.keep(FETCH, [one(25)], first=FIRST, last=LAST)
        assert are() == [("day 25", "open", 0)]
