"""Alpha Vantage's client against a server that answers, refuses and fails as the vendor is known to."""

import json
from pathlib import Path
from typing import Any

import pytest

from producers import alpha_vantage, errors
from producers.alpha_vantage import AlphaVantage
from tests.secret_search import SECRET
from tests.vendors.alpha_vantage import BURST, FULL_IS_PREMIUM, AlphaVantageServer, Fault

QUOTE = {
    "Global Quote": {"01. symbol": "MSFT", "05. price": "112.1300", "07. latest trading day": "2018-10-05"}
}


def client(key: str, url: str) -> AlphaVantage:
    return AlphaVantage(key, take=lambda: None, url=url)


def ask(server: AlphaVantageServer, symbol: str = "MSFT", key: str = SECRET) -> alpha_vantage.Answer:
    return client(key, server.url).quote(symbol)


def test_a_quote_comes_with_the_bytes_that_were_received() -> None:
    with AlphaVantageServer({("GLOBAL_QUOTE", "MSFT"): QUOTE}, key=SECRET) as server:
        answer = ask(server)
    assert answer.data["05. price"] == "112.1300"
    assert json.loads(answer.body) == QUOTE
    assert server.asked[0]["datatype"] == "json"


def test_a_delayed_quote_under_another_name_is_a_quote() -> None:
    delayed = {"Global Quote - DATA DELAYED BY 15 MINUTES": QUOTE["Global Quote"]}
    with AlphaVantageServer({("GLOBAL_QUOTE", "MSFT"): delayed}, key=SECRET) as server:
        assert ask(server).data["05. price"] == "112.1300"


def test_a_symbol_reaches_the_vendor_as_it_is_written() -> None:
    with AlphaVantageServer({("GLOBAL_QUOTE", "A&B"): QUOTE}, key=SECRET) as server:
        ask(server, "A&B")
    assert server.asked[0]["symbol"] == "A&B"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ((500, "text/html", "<html>bad gateway</html>"), errors.OutageError),
        ((200, "text/html", "<html>Will be right back</html>"), errors.OutageError),
        ((200, "application/json", "[]"), errors.OutageError),
        ((200, "application/json", '{"Weather": {}}'), errors.UnreadableError),
        ((200, "application/json", '{"Global Quote": [{"05. price": "1"}]}'), errors.UnreadableError),
        ((200, "application/json", '{"Global Quote": 5}'), errors.UnreadableError),
        ((200, "application/json", '{"Information": ["premium endpoint"]}'), errors.PremiumError),
        ((200, "application/json", '{"Error Message": {"why": 7}}'), errors.UnknownSymbolError),
        ((429, "text/html", "Too Many Requests"), errors.RefusedError),
        ((403, "text/html", "Forbidden"), errors.RefusedError),
        ((200, "application/json", json.dumps({"Information": BURST})), errors.TooFastError),
        (
            (200, "application/json", '{"Note": "Our standard API call frequency is 5 calls per minute."}'),
            errors.TooFastError,
        ),
        ((200, "application/json", '{"Information": "something new"}'), errors.RefusedError),
        ((200, "application/json", json.dumps({"Information": FULL_IS_PREMIUM})), errors.PremiumError),
        ((200, "application/json", "{}"), errors.UnknownSymbolError),
        ((200, "application/json", '{"Global Quote": {}}'), errors.UnknownSymbolError),
    ],
)
def test_each_answer_without_data_is_told_apart(fault: Fault, kind: type[Exception]) -> None:
    with AlphaVantageServer({}, key=SECRET, faults=[fault]) as server, pytest.raises(kind) as raised:
        ask(server)
    assert type(raised.value) is kind
    assert SECRET not in str(raised.value)


def test_the_vendors_own_limits_are_told_apart_and_no_message_holds_the_key() -> None:
    answers: dict[tuple[str, str], Any] = {("GLOBAL_QUOTE", "MSFT"): QUOTE}
    with AlphaVantageServer(answers, key=SECRET, a_day=1, premium=("TIME_SERIES_INTRADAY",)) as server:
        ask(server)
        with pytest.raises(errors.DayIsSpentError) as spent:
            ask(server)
        assert "(key)" in str(spent.value)
        assert SECRET not in str(spent.value)
        server.new_day()
        with pytest.raises(errors.PremiumError):
            client(SECRET, server.url).minutes("MSFT", month="2026-11")
        with pytest.raises(errors.KeyRefusedError):
            ask(server, key="another")
        server.new_day()
        with pytest.raises(errors.UnknownSymbolError):
            client(SECRET, server.url).daily("NOSUCH", whole=False)


def test_a_server_that_says_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alpha_vantage, "ANSWER_WITHIN", 0.3)
    with (
        AlphaVantageServer({}, key=SECRET, faults=[1.0]) as server,
        pytest.raises(errors.OutageError) as raised,
    ):
        ask(server)
    assert SECRET not in str(raised.value)


def test_a_server_that_is_not_there_is_an_outage_without_the_key() -> None:
    with pytest.raises(errors.OutageError) as raised:
        client(SECRET, "http://127.0.0.1:9/query?").quote("MSFT")
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_recorded_answers_are_read(market_data: Path) -> None:
    folder = market_data / "alpha_vantage_http"
    recorded = {
        ("GLOBAL_QUOTE", "MSFT"): json.loads((folder / "global_quote.json").read_text()),
        ("TIME_SERIES_INTRADAY", "MSFT"): json.loads((folder / "mock_time_series.json").read_text()),
    }
    with AlphaVantageServer(recorded, key=SECRET) as server:
        vendor = client(SECRET, server.url)
        assert vendor.quote("MSFT").data["06. volume"] == "29062853"
        answer = vendor.minutes("MSFT", month="2017-12")
    assert len(answer.data) == 100
    assert answer.meta["6. Time Zone"] == "US/Eastern"
    assert server.asked[1]["adjusted"] == "false"
