"""Yahoo's history through the real yfinance, from a server that answers, refuses and fails as Yahoo is known to."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from producers import errors, yahoo_history
from producers.chart_tables import render_actions, render_bars
from producers.yahoo_history import Chart, YahooHistory
from tests.vendors.yahoo_http import Fault, YahooServer, chart

BEGIN, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC)
PAST = (datetime(2021, 2, 1, tzinfo=UTC), datetime(2022, 1, 31, tzinfo=UTC))
TWO_DAYS = chart("MSFT", [("2026-11-23T14:30", 430.25, 1000), ("2026-11-24T14:30", 431.5, 2000)])

pytestmark = pytest.mark.filterwarnings("ignore")  # of yfinance and pandas, about each other


class Asker:
    """The client, and how many calls it has taken."""

    def __init__(self, server: YahooServer, folder: Path) -> None:
        self.taken = 0
        self.client = YahooHistory(take=self._take, cache=folder / "yfinance", base=server.url)

    def _take(self) -> None:
        self.taken += 1

    def ask(self, symbol: str = "MSFT", *, days: tuple[datetime, datetime] = (BEGIN, END)) -> Chart:
        return self.client.chart(symbol, interval="1d", begin=days[0], end=days[1])


def test_the_answer_is_the_bytes_that_were_sent_and_every_call_was_taken(tmp_path: Path) -> None:
    with YahooServer({"MSFT": TWO_DAYS}) as server:
        asker = Asker(server, tmp_path)
        answer = asker.ask()
    assert json.loads(answer.body) == TWO_DAYS
    assert "crumb" not in answer.request
    (asked,) = server.ranges("MSFT")
    assert asked.query["interval"] == "1d"
    assert asker.taken == len(server.asked)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ((500, "<html>error</html>"), errors.OutageError),
        ((200, "<html>Will be right back</html>"), errors.OutageError),
        ((200, "{}"), errors.OutageError),
        (
            (502, json.dumps({"chart": {"result": None, "error": {"code": "Bad Gateway"}}})),
            errors.OutageError,
        ),
        ((200, json.dumps({"chart": {"result": None, "error": None}})), errors.OutageError),
    ],
)
def test_an_outage_is_never_an_empty_range_and_is_not_remembered(
    tmp_path: Path, fault: Fault, kind: type[Exception]
) -> None:
    with YahooServer({"MSFT": TWO_DAYS}, faults={"MSFT": [fault, fault]}) as server:
        asker = Asker(server, tmp_path)
        with pytest.raises(kind):
            asker.ask(days=PAST)
        server._faults.clear()
        assert json.loads(asker.ask(days=PAST).body) == TWO_DAYS


def test_a_refusal_is_told_apart(tmp_path: Path) -> None:
    refusal: Fault = (429, "Too Many Requests\r\n")
    faults = {"MSFT": [refusal] * 4}
    with YahooServer({"MSFT": TWO_DAYS}, faults=faults) as server, pytest.raises(errors.RefusedError):
        Asker(server, tmp_path).ask()


def test_an_unknown_symbol_is_not_an_outage(tmp_path: Path) -> None:
    with (
        YahooServer({"MSFT": TWO_DAYS}) as server,
        pytest.raises(errors.UnknownSymbolError, match="Not Found"),
    ):
        Asker(server, tmp_path).ask("NOSUCH")


def test_a_server_that_says_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yahoo_history, "ANSWER_WITHIN", 0.5)
    with (
        YahooServer({"MSFT": TWO_DAYS}, faults={"MSFT": [2.0, 2.0]}) as server,
        pytest.raises(errors.OutageError),
    ):
        Asker(server, tmp_path).ask()


def test_a_call_that_is_refused_here_is_not_made(tmp_path: Path) -> None:
    def refuse() -> None:
        raise ValueError("no call left")

    with YahooServer({"MSFT": TWO_DAYS}) as server:
        client = YahooHistory(take=refuse, cache=tmp_path / "yfinance", base=server.url)
        with pytest.raises(ValueError, match="no call left"):
            client.chart("MSFT", interval="1d", begin=BEGIN, end=END)
        assert server.asked == []


def test_numbers_are_rendered_as_sent_and_what_is_empty_stays_empty() -> None:
    body = (
        b'{"chart":{"result":[{"meta":{"dataGranularity":"1d","currentTradingPeriod":{"regular":{"start":9,"end":10}}},'
        b'"timestamp":[1,2],"indicators":{"quote":[{"open":[10.10,null],"high":[1e2,null],"low":[10,null],'
        b'"close":[237.1199951171875,null],"volume":[0,null]}],"adjclose":[{"adjclose":[10.0,null]}]}}],"error":null}}'
    )
    table, rows = render_bars(body, fetched_at=datetime.now(UTC))
    assert rows == 2
    assert table.decode().splitlines() == [
        "timestamp,open,high,low,close,volume,adjclose",
        "1,10.10,1e2,10,237.1199951171875,0,10.0",
        "2,,,,,,",
    ]


@pytest.mark.parametrize(
    ("fetched_at", "rows"),
    [("2026-11-25T20:59", 1), ("2026-11-25T21:10", 1), ("2026-11-25T21:15", 2), ("2026-11-26T12:00", 2)],
)
def test_a_day_that_is_still_forming_is_no_history(fetched_at: str, rows: int) -> None:
    body = json.dumps(chart("MSFT", [("2026-11-24T14:30", 1.0, 1), ("2026-11-25T14:30", 2.0, 2)])).encode()
    at = datetime.fromisoformat(fetched_at).replace(tzinfo=UTC)
    assert render_bars(body, fetched_at=at)[1] == rows


def test_a_minute_that_is_still_forming_is_no_history() -> None:
    minutes = [("2026-11-25T15:00", 1.0, 1), ("2026-11-25T15:01", 2.0, 2)]
    body = json.dumps(chart("MSFT", minutes, interval="1m")).encode()
    assert render_bars(body, fetched_at=datetime(2026, 11, 25, 15, 1, 59, tzinfo=UTC))[1] == 1
    assert render_bars(body, fetched_at=datetime(2026, 11, 25, 15, 2, tzinfo=UTC))[1] == 2


def test_the_recorded_charts_are_read(market_data: Path, tmp_path: Path) -> None:
    def recorded(name: str) -> Any:
        return json.loads((market_data / "yahoo_http" / name).read_text())["response"]["bodyJson"]

    charts = {
        "NVDA": recorded("historical-via-chart-NVDA-split-2021-02-01-to-2022-01-31.csv.json"),
        "MSFT": recorded("historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.csv.json"),
        "OCDO.L": recorded("chart-OCDO.L-2020-01-01-to-2020-01-03.json"),
    }
    with YahooServer(charts) as server:
        asker = Asker(server, tmp_path)
        bodies = {symbol: asker.ask(symbol, days=PAST).body for symbol in charts}
    table, rows = render_bars(bodies["NVDA"], fetched_at=datetime.now(UTC))
    assert rows == 252
    first = next(csv.DictReader(io.StringIO(table.decode())))
    assert (first["timestamp"], first["open"]) == ("1612189800", "13.053250312805176")
    assert render_actions(bodies["NVDA"])[0].decode().splitlines()[1] == "splits,1626787800,,4,1,4:1"
    assert render_actions(bodies["MSFT"])[1] == 4
    assert json.loads(bodies["OCDO.L"])["chart"]["result"][0]["meta"]["currency"] == "GBp"
