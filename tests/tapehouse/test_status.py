"""status says what is wrong by its exit code, and a closed market is not wrong."""

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from deltalake import write_deltalake

from jobs.lake.postgres import Connection
from producers.events import Message, Quote
from producers.tape import last_session
from tapehouse.delta import url_of
from tapehouse.judgement import BROUGHT
from tapehouse.status_report import look
from tests.builders import micros, quote
from tests.stack import Stack, call

FOLLOWED = """version: 1
instruments:
  - instrument_id: us-apple
    follow: [{source: yahoo, dataset: 1d, from: 2020-01-01}]
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL}}
"""
RECORDED = Message("yahoo_recording", b"", quote("14:30:01 AAPL 10 1"))


def status() -> tuple[int, dict[str, Any]]:
    code, out, err = call("status", "--json")
    return code, json.loads(out) if out else {"error": err}


def test_a_drained_recording_whose_job_has_stopped_is_fine(stack: Stack) -> None:
    stack.send([RECORDED, Message("yahoo_recording", b"", None)])
    stack.drain()
    code, found = status()
    assert (code, found["problems"], found["lag"], found["rejected"]) == (0, [], 0, 1)
    assert found["job"]["state"] == "stopped"
    assert found["sources"] == ["yahoo_recording"]
    assert {budget["source"] for budget in found["budgets"]} == {"yahoo", "alpha_vantage"}
    lines = {line["name"]: line for line in found["tables"]}
    assert {name: line["rows"] for name, line in lines.items()} == {
        "bronze.quotes": 2,
        "silver.quotes": 1,
        "silver.rejected": 1,
        "gold.bars_1m": 1,
        "gold.bars_1m_log": 1,
    }
    assert lines["silver.quotes"]["newest"].startswith("2023-09-05 14:30:01")
    assert {line["state"] for line in lines.values()} == {"stopped"}


def test_a_stopped_job_with_messages_waiting_is_exit_code_1(stack: Stack) -> None:
    stack.send([RECORDED, RECORDED])
    with closing(stack.ledger()) as ledger, ledger.run("stream_quotes", topic=stack.topic):
        pass
    code, found = status()
    assert (code, found["lag"]) == (1, 2)
    assert found["problems"] == ["the stream job is stopped and 2 messages wait: start it"]
    # nothing of it makes a table late
    code, out, _ = call("status", "--freshness")
    assert (code, out.splitlines()[-1]) == (0, "fine")


def test_a_live_source_is_late_only_while_its_exchange_is_open(stack: Stack) -> None:
    session, _ = last_session(datetime.now(UTC))
    at = datetime(session.year, session.month, session.day, 15, 30, tzinfo=UTC)
    stack.send([Message("yahoo", b"", Quote("yahoo", "AAPL", micros(at), "10", 5, "regular"))])
    stack.drain()
    while_open = look(stack.settings, None, now=at + timedelta(minutes=30))
    assert [problem.split(" while ")[0] for problem in while_open.problems[:2]] == [
        "silver.quotes is late by 30 min",
        "gold.bars_1m is late by 30 min",
    ]
    assert while_open.late == while_open.problems[:2]
    assert "the stream job is stopped while a live source's exchange is open: start it" in while_open.problems
    at_night = look(stack.settings, None, now=at + timedelta(hours=12))
    assert (at_night.problems, at_night.late) == ([], [])


@pytest.mark.parametrize(("days", "expected"), [(10, True), (11, False)])
def test_another_venue_is_expected_while_it_sent_within_ten_days(
    stack: Stack, days: int, *, expected: bool
) -> None:
    newest = datetime(2026, 11, 19, 15, 30, tzinfo=UTC)
    rows = [
        {"source": "yahoo", "mic": mic, "session": at.date(), "event_time": at}
        for mic, at in (("XLON", newest - timedelta(days=days)), ("XNAS", newest))
    ]
    write(stack, "silver.quotes", rows)
    # London is open, New York is not
    found = look(stack.settings, None, now=newest.replace(hour=10) + timedelta(days=1))
    assert bool(found.late) is expected


def write(stack: Stack, table: str, rows: list[dict[str, Any]]) -> None:
    """Write rows without a Spark."""
    settings = stack.settings
    options = settings.storage_options()
    write_deltalake(url_of(table, settings), pyarrow.Table.from_pylist(rows), storage_options=options)


def test_what_is_followed_of_the_stream_is_expected_though_it_never_came(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "instruments.yaml"
    file.write_text(FOLLOWED.replace("1d", "stream"))
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(file))
    with closing(stack.ledger()) as ledger, ledger.run("stream_quotes", topic=stack.topic):
        pass
    open_now = datetime(2026, 11, 25, 16, tzinfo=UTC)
    stopped = "the stream job is stopped while a live source's exchange is open: start it"
    assert look(stack.settings, None, now=open_now).problems == [stopped]
    assert look(stack.settings, None, now=open_now + timedelta(hours=12)).problems == []


def test_a_daily_table_is_late_without_the_session_that_daily_close_should_have_brought(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "instruments.yaml"
    file.write_text(FOLLOWED)
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(file))
    settings = stack.settings
    write(stack, "gold.bars_1d", [{"session": date(2026, 11, 24)}])
    # 6 h 30 min after the close, 21:00 UTC
    wednesday = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
    assert look(settings, None, now=wednesday).problems == []  # no Airflow, no promise
    with closing(stack.ledger()) as ledger, closing(Connection(settings)) as connection:
        ledger.dag_runs.end("daily_close", stack.topic, date(2026, 11, 24), state="success", reason=None)
        before = look(settings, None, now=wednesday - timedelta(minutes=1))
        late = look(settings, None, now=wednesday)
        forgotten = look(settings, None, now=wednesday + timedelta(days=13))
        connection.execute("DELETE FROM dag_runs WHERE run_id = %s", (stack.topic,))
    assert "daily_close" not in str([*before.problems, *forgotten.problems])
    should = "daily_close should have brought 2026-11-25"
    assert late.problems == [
        f"gold.bars_1d ends with 2026-11-24: {should}",
        f"gold.adjusted_bars_1d has no row: {should}",
        f"gold.indicators_1d has no row: {should}",
    ]
    assert {line.name for line in late.tables if line.state == "late"} == set(BROUGHT)
    assert late.late == []


def test_a_job_that_failed_is_exit_code_1_and_says_why(stack: Stack) -> None:
    with (
        closing(stack.ledger()) as ledger,
        pytest.raises(OSError, match="no room"),
        ledger.run("stream_quotes", topic=stack.topic),
    ):
        raise OSError("no room")
    code, found = status()
    assert code == 1
    assert found["problems"] == ["the stream job failed: OSError: no room; start it again"]


def test_a_driver_that_was_refused_does_not_hide_the_one_that_runs(stack: Stack) -> None:
    one, other = stack.ledger(), stack.ledger()
    with one.run("stream_quotes", topic=stack.topic):
        with pytest.raises(RuntimeError), other.run("stream_quotes", topic=stack.topic):
            raise RuntimeError("refused")
        assert status()[1]["job"]["state"] == "running"
    one.close()
    other.close()


def test_a_lake_without_tables_is_shown_as_empty(stack: Stack) -> None:
    code, found = status()
    assert code == 0
    assert {line["state"] for line in found["tables"]} == {"empty"}
    assert found["job"]["state"] == "never started"
    assert stack.topic


def test_the_page_for_people_has_a_line_for_each_table_and_a_verdict(lake: Stack) -> None:
    code, out, _ = call("status")
    assert code == 0
    assert out.splitlines()[-1] == "fine"
    for table in ("bronze.quotes", "silver.quotes", "silver.rejected", "gold.bars_1m"):
        assert table in out
    assert lake.topic
