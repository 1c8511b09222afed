"""`tapehouse fetch`: one session of what is followed, asked of vendors on loopback and kept in the real store."""

import json
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.fetches import Fetches, Request
from jobs.lake.postgres import Connection
from jobs.lake.work_list import WorkList
from producers.series_tables import COLUMNS
from producers.tape import last_session
from tapehouse.fetch import fetch_session
from tapehouse.history import new_id
from tests.check_lake import checked, follow, states
from tests.jobs.raw_history import bar, fetched
from tests.processes import Program
from tests.secret_search import SECRET
from tests.stack import Stack, call
from tests.vendors.alpha_vantage import AlphaVantageServer
from tests.vendors.yahoo_http import YahooServer, chart

pytestmark = pytest.mark.filterwarnings("ignore")  # of yfinance and pandas, about each other

# Wednesday and the half day after Thanksgiving; the close is at 21:00, and at 18:00 UTC
SESSION, HALF_DAY = "2020-11-25", date(2020, 11, 27)
DAYS = [("2020-11-24T14:30", 110.5, 4), ("2020-11-25T14:30", 111.5, 5)]


@pytest.fixture
def lake(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A place in the raw bucket, instruments and budgets of the test alone: 100 calls for yahoo, 1 for the other."""
    follow(stack, tmp_path, monkeypatch)
    plans = stack.settings.budgets.read_text()
    stack.settings.budgets.write_text(
        plans.replace("daily: 0", "daily: 100", 1).replace("daily: 0", "daily: 1")
    )
    WorkList(stack.settings).close()
    return stack


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Callable[..., YahooServer]:
    def serve(**charts: Any) -> YahooServer:
        server = YahooServer(charts)
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        return server

    return serve


def fetch(session: str, *options: str, source: str = "yahoo", expect: int = 0) -> list[str]:
    code, out, err = call("fetch", "--session", session, "--source", source, *options, "--json")
    assert code == expect, err + out
    names = ("vendor_symbol", "dataset", "begins", "ends", "state")
    return [" ".join(str(one[name]) for name in names) for one in json.loads(out)["fetches"]]


def test_a_session_is_fetched_with_the_days_before_it_and_not_twice(
    lake: Stack, yahoo: Callable[..., YahooServer]
) -> None:
    with yahoo(AAPL=chart("AAPL", DAYS)) as server:
        assert fetch(SESSION) == [
            "AAPL actions 2020-11-19 2020-11-26 fetched",
            "AAPL bars_1d 2020-11-19 2020-11-26 fetched",
        ]
        asked = len(server.asked)
        assert fetch(SESSION) == [
            "AAPL actions 2020-11-19 2020-11-26 had",
            "AAPL bars_1d 2020-11-19 2020-11-26 had",
        ]
        assert len(server.asked) == asked
    with closing(Fetches(lake.settings)) as fetches:
        unfinished = fetches.newest_unfinished()
    assert unfinished is None or "session" not in unfinished.options


def test_what_was_fetched_before_the_close_is_not_enough_and_what_came_after_it_is(
    lake: Stack, yahoo: Callable[..., YahooServer]
) -> None:
    del lake  # its place is what the command uses
    covers = ("2020-11-24", "2020-11-26")
    fetched("bars_1d", bar("2020-11-25", 111, 5), at="2020-11-25T20:59", covers=covers)
    fetched("actions", at="2020-11-25T21:01", covers=covers)
    with yahoo(AAPL=chart("AAPL", DAYS)):
        # bars of now are adjusted by what happened since
        assert [line.split()[-1] for line in fetch(SESSION)] == ["fetched", "fetched"]
    fetched("bars_1d", bar("2020-11-27", 111, 5), at="2020-11-27T18:16", covers=("2020-11-27", "2020-11-28"))
    fetched("actions", at="2020-11-27T18:16", covers=("2020-11-27", "2020-11-28"))
    with yahoo() as server:
        assert [line.split()[-1] for line in fetch(str(HALF_DAY))] == ["had", "had"]
        assert server.asked == []


def test_what_fails_stops_no_other_and_ends_with_1(lake: Stack, yahoo: Callable[..., YahooServer]) -> None:
    file = lake.settings.instruments
    file.write_text(file.read_text().replace("alpha_vantage, dataset", "yahoo, dataset"))
    with yahoo(MSFT=chart("MSFT", DAYS)):
        states = fetch(SESSION, expect=1)
        assert [line.split()[-1] for line in states] == ["failed", "failed", "fetched", "fetched"]
    with yahoo(AAPL=chart("AAPL", DAYS)) as server:
        assert [line.split()[-1] for line in fetch(SESSION)] == ["fetched", "fetched", "had", "had"]
        assert server.ranges("MSFT") == []


def test_what_the_budget_refuses_waits_and_is_a_gap_that_is_not_fetched(
    lake: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = lake.settings.instruments
    # both of the other vendor, which may be asked once
    file.write_text(
        file.read_text().replace("{source: yahoo, dataset: 1d", "{source: alpha_vantage, dataset: 1d")
    )
    series = {SESSION: dict(zip(COLUMNS, ("1.0", "1.2", "0.9", "1.1", "10"), strict=True))}
    answer = {"Meta Data": {"5. Time Zone": "US/Eastern"}, "Time Series (Daily)": series}
    answers = {("TIME_SERIES_DAILY", symbol): answer for symbol in ("AAPL", "MSFT")}
    with AlphaVantageServer(answers, key=SECRET) as server:
        monkeypatch.setenv("TAPEHOUSE_ALPHA_VANTAGE_URL", server.url)
        found = fetch(SESSION, source="alpha_vantage")
        assert [line.split()[-1] for line in found] == ["fetched", "waiting"]
        code, out, _ = call("fetch", "--session", SESSION, "--source", "alpha_vantage")
        assert (code, "alpha_vantage 1d of 2020-11-25: 1 waiting, 1 had" in out) == (0, True)
        assert "not_fetched, until a later run has fetched it" in out
        assert len(server.asked) == 1
    assert checked(lake, date(2020, 11, 25), date(2020, 11, 26)).inserted == 2
    assert "alpha_vantage 1d 2020-11-25 1 not_fetched open 0" in states("--symbols", "MSFT")


def test_minutes_are_asked_for_as_far_back_as_the_vendor_has_them(
    lake: Stack, yahoo: Callable[..., YahooServer]
) -> None:
    session, _ = last_session(datetime.now(UTC))
    with yahoo(AAPL=chart("AAPL", [], interval="1m")) as server:
        code, out, _ = call("fetch", "--session", str(HALF_DAY), "--source", "yahoo", "--interval", "1m")
        assert (code, "not asked for: AAPL, Yahoo has minutes of the last 29 days only" in out) == (0, True)
        after = session + timedelta(1)
        wanted = [f"AAPL actions {session} {after}", f"AAPL bars_1m {session} {after}"]
        assert fetch(str(session), "--interval", "1m") == [f"{one} fetched" for one in wanted]
        asked = len(server.asked)
        assert fetch(str(session), "--interval", "1m") == [f"{one} had" for one in wanted]
        assert len(server.asked) == asked
    del lake  # its place is what the command uses


def test_days_on_which_there_is_nothing_to_fetch_are_said(lake: Stack) -> None:
    code, out, _ = call("fetch", "--session", "2020-11-23", "--source", "yahoo")
    assert (code, out) == (0, "yahoo 1d of 2020-11-23: nothing is followed\n")
    for day in ("2020-11-26", "2020-11-28", "2100-01-04"):
        code, _, err = call("fetch", "--session", day, "--source", "yahoo")
        assert (code, f"{day} is no session that has begun" in err, "XNAS" in err) == (2, True, True)
    # a schedule by another exchange comes on such a day too; no schedule comes before its day
    for day, expected in (("2020-11-26", 0), ("2100-01-04", 2)):
        assert call("fetch", "--session", day, "--source", "yahoo", "--allow-empty")[0] == expected
    assert call("fetch", "--session", "yesterday", "--source", "yahoo")[0] == 2
    assert lake.topic


def test_nothing_is_asked_of_a_vendor_whose_stream_has_every_minute(
    lake: Stack, yahoo: Callable[..., YahooServer]
) -> None:
    file = lake.settings.instruments
    file.write_text(file.read_text().replace("dataset: 1m", "dataset: stream"))
    now = datetime.combine(HALF_DAY, time(14, 30, 30), UTC)
    how = {"source": "yahoo", "interval": "1m", "session": HALF_DAY, "now": now}
    with yahoo() as server, closing(Fetches(lake.settings)) as fetches:
        found = fetch_session(lake.settings, fetches, quiet=True, **how)
        assert (found, server.asked) == ((1, [], {}), [])


def test_a_fetch_that_was_killed_is_not_running_for_ever_and_two_do_not_ask_at_once(
    lake: Stack, yahoo: Callable[..., YahooServer]
) -> None:
    of = {"source": "yahoo", "interval": "1d", "session": SESSION}
    with closing(lake.ledger()) as killed, closing(Fetches(lake.settings)) as fetches:
        # what a process leaves that dies
        killed.run("fetch", **of).__enter__()
        request = new_id()
        options = {"interval": "1d", "session": SESSION, "symbols": ["AAPL"]}
        fetches.begin(Request(request, "yahoo", options), [])
        fetches.hold(f"fetch yahoo 1d {SESSION}")
        code, _, err = call("fetch", "--session", SESSION, "--source", "yahoo")
        assert (code, "is being worked on" in err) == (2, True)
    with yahoo(AAPL=chart("AAPL", DAYS)):
        fetch(SESSION)
    with closing(Connection(lake.settings)) as connection:
        states = connection.execute("SELECT state FROM runs WHERE run_id = %s", (killed.run_id,))
        open_requests = connection.execute(
            "SELECT 1 FROM history_requests WHERE request_id = %s AND finished_at IS NULL", (request,)
        )
    assert (states, open_requests) == ([("failed",)], [])


@pytest.mark.long
def test_one_that_is_asked_to_end_says_so_in_the_ledger(
    lake: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (
        YahooServer({"AAPL": chart("AAPL", DAYS)}, faults={"AAPL": [3.0] * 9}) as server,
        closing(Connection(lake.settings)) as ledger,
    ):
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        command = [sys.executable, "-m", "tapehouse", "fetch", "--session", SESSION, "--source", "yahoo"]
        program = Program(command, log=tmp_path / "fetch.log", environment={})
        try:
            program.wait_for(lambda: bool(server.ranges("AAPL")), what="the vendor is asked", seconds=60)
            program.process.terminate()
            assert program.ended(seconds=60) == 130, program.last_words
        finally:
            program.kill()
        (told,) = ledger.execute(
            "SELECT state, error FROM runs WHERE job = 'fetch' ORDER BY started_at DESC LIMIT 1"
        )
        assert told == ("failed", "KeyboardInterrupt: ")
