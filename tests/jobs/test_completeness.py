"""What is followed against what was received, on the real services, and the list of what is to be fetched."""

import argparse
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs import check_completeness as check_job
from jobs import reconcile_sources as reconcile_job
from jobs.lake import failpoints
from jobs.lake.errors import InstrumentsError, UsageError
from jobs.lake.history_tables import SILVER_VENDOR_BARS_1M
from jobs.lake.trading_hours import hours_of
from jobs.lake.work_list import FETCH, WorkList
from producers.events import Message, Quote
from producers.tape import last_session
from tests.builders import micros
from tests.check_lake import FILE, FIRST, checked, follow, listed, states, taken_in, vendor_minute
from tests.jobs.raw_history import bar, fetched
from tests.jobs.test_history_deaths import Died
from tests.stack import Stack, call

pytestmark = pytest.mark.longest


@pytest.fixture
def lake(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return follow(stack, tmp_path, monkeypatch)


def test_what_is_followed_is_received_or_a_gap_and_what_was_fetched_is_none_any_more(lake: Stack) -> None:
    covers = (str(FIRST), "2020-11-25")
    fetched("actions", at="2020-11-25T23:00", covers=covers, instrument="us-apple")
    fetched("bars_1d", bar("2020-11-23", 110, 1), at="2020-11-25T23:00", covers=covers, instrument="us-apple")
    taken_in(lake)
    assert checked(lake).inserted == 6
    assert states() == [
        "yahoo 1d 2020-11-24 1 no_trade answered 0",
        "alpha_vantage 1d 2020-11-25 1 not_fetched open 0",
        "yahoo 1d 2020-11-25 1 not_fetched open 0",
        "alpha_vantage 1d 2020-11-27 1 not_fetched open 0",
        "yahoo 1d 2020-11-27 1 not_fetched open 0",
        "yahoo 1m 2020-11-27 210 not_fetched open 0",
    ]
    assert states("--symbols", "MSFT", "--from", "2020-11-26") == [
        "alpha_vantage 1d 2020-11-27 1 not_fetched open 0"
    ]
    assert listed()["work"][FETCH] == {"open": 5, "given_up": 0}
    covers = (str(FIRST), "2020-11-28")
    days = [bar("2020-11-23", 110, 1), bar("2020-11-25", 111, 5), bar("2020-11-27", 112, 6)]
    fetched("bars_1d", *days, at="2020-11-28T23:00", covers=covers, instrument="us-apple")
    taken_in(lake)
    # what is not followed any more is no gap, and nothing to fetch
    file = lake.settings.instruments
    file.write_text(FILE.replace("to: 2020-11-28", "to: 2020-11-26"))
    settled = checked(lake)
    assert (settled.deleted, settled.untouched) == (3, 3)
    assert [row.split()[2] for row in states("--symbols", "AAPL")] == ["2020-11-24", "2020-11-27"]
    assert listed()["work"][FETCH] == {"open": 2, "given_up": 0}
    # any part of the range again: the same
    assert checked(lake, FIRST, FIRST + timedelta(2)).version is None
    assert listed()["work"][FETCH] == {"open": 2, "given_up": 0}


def test_a_check_that_died_after_its_commit_keeps_the_list_when_it_runs_again(
    lake: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []

    def die(place: str) -> None:
        if place.startswith("gold.gaps.") and place not in reached:
            reached.append(place)
            raise Died(place)

    monkeypatch.setattr(failpoints, "reached", die)
    for place in ("before", "asked", "after"):
        with pytest.raises(Died, match=f"gold.gaps.{place}"):
            checked(lake)
        with closing(WorkList(lake.settings)) as work:
            assert work.not_done(FETCH) == []
    # the rows were committed by the run that died after that
    assert checked(lake).untouched == 6
    assert listed()["work"][FETCH] == {"open": 6, "given_up": 0}


def test_minutes_of_the_stream_are_looked_for_in_its_table_and_filled_beside_it(lake: Stack) -> None:
    session, _ = last_session(datetime.now(UTC))
    at = datetime(session.year, session.month, session.day, 15, 30, tzinfo=UTC)
    followed = FILE.split("    follow:", maxsplit=1)[0]
    followed += f"    follow: [{{source: yahoo, dataset: stream, from: {session}}}]\n    listings:\n"
    lake.settings.instruments.write_text(
        followed + FILE.split("    listings:\n")[1].split("  - instrument")[0]
    )
    lake.send([Message("yahoo", b"", Quote("yahoo", "AAPL", micros(at), "10", 5, "regular"))])
    lake.drain()
    # the minutes before the quote come later, as bars of a vendor
    opens = hours_of(["XNAS"], first=session, last=session + timedelta(1), over_by=at + timedelta(days=1))[
        0
    ].opens
    count = (at - opens) // timedelta(minutes=1)
    rows = [vendor_minute(opens + timedelta(minutes=n), session) for n in range(count)]
    lake.spark.createDataFrame(rows, SILVER_VENDOR_BARS_1M.schema).write.format("delta").save(
        SILVER_VENDOR_BARS_1M.path(lake.settings)
    )
    assert checked(lake, session, session + timedelta(1)).inserted == 2
    before, after = listed()["gaps"]
    assert (before["units"], before["filled"], before["cause"], before["state"]) == (
        count,
        count,
        "feed_down",
        "filled",
    )
    assert (after["filled"], after["cause"], after["state"]) == (0, "feed_down", "open")
    assert lake.one("SELECT count(*) FROM gold.bars_1m") == "1"
    assert listed()["work"][FETCH] == {"open": 1, "given_up": 0}


def test_what_cannot_be_checked_is_said(lake: Stack) -> None:
    code, _, err = call("gaps")
    assert (code, "check_completeness.py" in err) == (2, True)
    code, _, err = call("gaps", "--symbols", "NOSUCH")
    assert (code, "no instrument is called NOSUCH" in err) == (2, True)
    assert call("gaps", "--from", "2020-11-24", "--to", "2020-11-24")[0] == 2
    assert call("gaps", "--fill", "--max", "0")[0] == 2
    for job in (check_job, reconcile_job):
        with pytest.raises(UsageError, match="holds no day"):
            job.check(argparse.Namespace(session=None, first=FIRST, last=FIRST, json=False))
    lake.settings.instruments.write_text(
        "version: 1\ninstruments: [{instrument_id: x, follow: [{source: yahoo}]}]\n"
    )
    with pytest.raises(InstrumentsError, match="what is followed is not understood"):
        checked(lake)
