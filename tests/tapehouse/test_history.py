"""`tapehouse history` and `tapehouse budget`: real objects, a real ledger, and vendors on loopback."""

import csv
import gzip
import hashlib
import io
import json
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.alerts import Alerts
from jobs.lake.postgres import Connection
from producers.chart_tables import render_bars
from producers.raw_store import Range, RawStore
from producers.series_tables import COLUMNS
from tapehouse.vendors import open_raw_store
from tests.secret_search import SECRET
from tests.stack import Stack, call
from tests.vendors.alpha_vantage import AlphaVantageServer
from tests.vendors.yahoo_http import YahooServer, chart

pytestmark = pytest.mark.filterwarnings("ignore")  # of yfinance and pandas, about each other
DAYS = [("2026-11-23T14:30", 430.25, 1000), ("2026-11-24T14:30", 431.5, 2000)]
DATES = ("2026-11-24", "2026-11-23")
SPLIT = {
    "splits": {"1795530600": {"date": 1_795_530_600, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}}
}
# which days are read again depends on today
END = datetime.now(UTC).date()
BEGIN = END - timedelta(days=24)
RANGE = ("--from", str(BEGIN), "--to", str(END))


@pytest.fixture
def raw(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], RawStore]:
    """A place in the raw bucket, and budgets, of this test alone."""
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{uuid.uuid4().hex}")
    budgets = tmp_path / "budgets.yaml"
    budgets.write_text(
        "version: 1\nsources:\n"
        + "".join(
            f"  {source}: {{day_in: America/New_York, shared_from: '20:00', seconds_between_calls: 0, "
            f"calls: {{daily: {daily}, fill: {fill}}}}}\n"
            # in the evening what others have left would be free too
            for source, daily, fill in (("yahoo", 200, 5), ("alpha_vantage", 3, 0))
        )
    )
    monkeypatch.setenv("TAPEHOUSE_BUDGETS", str(budgets))
    connection = Connection(stack.settings)
    for table in ("calls", "sources"):
        if connection.execute("SELECT to_regclass(%s)", (table,)) != [(None,)]:
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    return lambda: open_raw_store(stack.settings)


def fetch(*options: str, expect: int = 0) -> dict[str, Any]:
    code, out, err = call("history", *options, "--json")
    assert code == expect, err + out
    return dict(json.loads(out))


def states(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(f["vendor_symbol"], f["dataset"], f["state"]) for f in report["fetches"]]


def test_a_fetch_is_a_body_a_table_and_a_sidecar_that_names_both(
    raw: Callable[[], RawStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    with YahooServer({"BRK-B": chart("BRK-B", DAYS), "MSFT": chart("MSFT", DAYS, events=SPLIT)}) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        report = fetch("--source", "yahoo", "--symbols", "BRK.B,MSFT", *RANGE)
    assert states(report) == [
        ("BRK-B", "actions", "fetched"),
        ("BRK-B", "bars_1d", "fetched"),
        ("MSFT", "actions", "fetched"),
        ("MSFT", "bars_1d", "fetched"),
    ]
    store = raw()
    for symbol, dataset, rows in (("BRK-B", "bars_1d", 2), ("MSFT", "actions", 1)):
        (kept,) = store.find(a_range(symbol, dataset))
        sidecar, body, table = store.read(kept.sidecar)
        assert sidecar["table"]["rows"] == rows == len(list(csv.DictReader(io.StringIO(table.decode()))))
        assert sidecar["body"]["sha256"] == hashlib.sha256(body).hexdigest()
        assert sidecar["request_id"] == report["request_id"]
        assert "crumb" not in json.dumps(sidecar)
        if dataset == "bars_1d":
            at = datetime.fromisoformat(sidecar["fetched_at"])
            assert render_bars(body, fetched_at=at) == (table, rows)
            assert sidecar["instrument_id"] == "us-berkshire-b"


def a_range(symbol: str, dataset: str) -> Any:
    from producers.raw_store import Range

    return Range("yahoo", dataset, symbol, BEGIN, END)


def test_a_second_run_reads_the_last_sessions_only_until_a_split_rewrites_the_past(
    raw: Callable[[], RawStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    del raw  # its place is what the command uses
    charts = {"MSFT": chart("MSFT", DAYS)}
    with YahooServer(charts) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        wanted = ("--source", "yahoo", "--symbols", "MSFT", *RANGE)
        for _ in range(2):
            fetch(*wanted)
        first, second = bars_asked(server)
        assert (first, second > first) == (BEGIN, True)
        fetch(*wanted, "--refresh")
        assert bars_asked(server)[-1] == first
        # a split of today
        today = int(datetime.now(UTC).timestamp())
        split = {"date": today, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}
        charts["MSFT"] = chart("MSFT", DAYS, events={"splits": {str(today): split}})
        fetch(*wanted)
        assert bars_asked(server)[-1] == first


def bars_asked(server: YahooServer) -> list[date]:
    """The first day of each request for bars."""
    return [
        datetime.fromtimestamp(int(asked.query["period1"]), UTC).date()
        for asked in server.ranges("MSFT")
        if asked.query["interval"] == "1d"
    ]


def test_one_symbols_failure_stops_no_other_and_is_repeated_alone(
    raw: Callable[[], RawStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    del raw  # its place is what the command uses
    charts = {"MSFT": chart("MSFT", DAYS)}
    with YahooServer(charts) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        report = fetch("--source", "yahoo", "--symbols", "AAPL,MSFT", *RANGE, expect=1)
        assert [state for _, _, state in states(report)] == ["failed", "failed", "fetched", "fetched"]
        assert "Not Found" in report["fetches"][0]["problem"]
        charts["AAPL"] = chart("AAPL", DAYS)
        before = len(server.asked)
        again = fetch("--resume", report["request_id"])
        assert states(again) == [("AAPL", "actions", "fetched"), ("AAPL", "bars_1d", "fetched")]
        assert not [asked for asked in server.asked[before:] if asked.path.endswith("/MSFT")]
        # nothing is missing of it any more
        assert fetch("--resume", report["request_id"])["fetches"] == []
    code, _, err = call("history", "--resume", "20200101-nosuch")
    assert (code, "20200101-nosuch" in err) == (2, True)


def test_an_answer_in_another_form_is_refused_by_name_or_kept_and_told_of(
    raw: Callable[[], RawStore], stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> set[tuple[str, str]]:
        with closing(Alerts(stack.settings)) as alerts:
            return {(alert.name, alert.subject) for alert in alerts.are_open()}

    charts = {symbol: chart(symbol, DAYS) for symbol in ("AAPL", "MSFT", "NVDA")}
    quotes = {
        symbol: found["chart"]["result"][0]["indicators"]["quote"][0] for symbol, found in charts.items()
    }
    del quotes["AAPL"]["volume"]
    quotes["MSFT"]["open"][0] = "430.25"
    quotes["NVDA"]["vwap"] = [430, 431]
    wanted = ("--source", "yahoo", "--symbols", "AAPL,MSFT,NVDA", *RANGE)
    with YahooServer(charts) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        report = fetch(*wanted, expect=1)
        problems = [f["problem"] for f in report["fetches"] if f["state"] == "failed"]
        assert ["lost_volume" in problems[0], "retyped_open" in problems[1]] == [True, True]
        assert told() == {
            ("vendor_field_changed", "yahoo history bars_1d AAPL"),
            ("vendor_field_changed", "yahoo history bars_1d MSFT"),
            ("vendor_field_unknown", "yahoo history bars_1d quote.vwap"),
        }
        (kept,) = raw().find(Range("yahoo", "bars_1d", "NVDA", BEGIN, END))
        sidecar, body, _ = raw().read(kept.sidecar)
        assert (sidecar["unknown_fields"], b"vwap" in body) == ("quote.vwap", True)
        for symbol in charts:
            charts[symbol] = chart(symbol, DAYS)
        fetch(*wanted, "--refresh")
        # what is new may be in one symbol's answers only: a day without it
        assert told() == {("vendor_field_unknown", "yahoo history bars_1d quote.vwap")}
        connection = Connection(stack.settings)
        connection.execute("UPDATE alerts SET seen_at = seen_at - make_interval(days => 1)")
        connection.close()
        fetch(*wanted, "--refresh")
        assert told() == set()


def test_without_a_call_left_the_rest_waits_and_budget_says_so(
    raw: Callable[[], RawStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    del raw  # its place is what the command uses
    series = {day: dict(zip(COLUMNS, ("1.0", "1.2", "0.9", "1.1", "10"), strict=True)) for day in DATES}
    answer = {"Meta Data": {"5. Time Zone": "US/Eastern"}, "Time Series (Daily)": series}
    symbols = ("AAPL", "AMD", "MSFT", "NVDA", "TSLA")
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", SECRET)
    with AlphaVantageServer({("TIME_SERIES_DAILY", s): answer for s in symbols}, key=SECRET) as server:
        monkeypatch.setenv("TAPEHOUSE_ALPHA_VANTAGE_URL", server.url)
        wanted = ("--source", "alpha_vantage", "--symbols", ",".join(symbols))
        report = fetch(*wanted, *RANGE, expect=1)
        assert len(server.asked) == 3
    assert [state for _, _, state in states(report)] == ["fetched"] * 3 + ["waiting"] * 2
    code, out, _ = call("budget", "--json")
    assert code == 0
    standing = next(one for one in json.loads(out) if one["source"] == "alpha_vantage")
    assert (standing["used"], standing["left"]["daily"]) == (3, 0)
    assert standing["waiting"] >= 2
    assert SECRET not in json.dumps(report)


def test_what_is_missing_in_the_command_is_said(raw: Callable[[], RawStore]) -> None:
    del raw  # its place is what the command uses
    code, _, err = call("history", "--source", "yahoo")
    assert code == 2
    assert "--symbols, --from, --to" in err
    code, _, err = call(
        "history", "--source", "yahoo", "--symbols", "MSFT", "--from", "2026-11-02", "--to", "2026-11-01"
    )
    assert code == 2


def test_an_object_that_was_changed_is_noticed(
    raw: Callable[[], RawStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    with YahooServer({"MSFT": chart("MSFT", DAYS)}) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        fetch("--source", "yahoo", "--symbols", "MSFT", *RANGE)
    store = raw()
    (kept,) = store.find(a_range("MSFT", "bars_1d"))
    key = store.read(kept.sidecar)[0]["body"]["key"]
    store._client.put_object(Bucket=store._bucket, Key=store._before + key, Body=gzip.compress(b"{}"))
    from producers.errors import ProducerError

    with pytest.raises(ProducerError, match="not what was fetched"):
        store.read(kept.sidecar)
