"""Alpha Vantage's quotes beside a live stream, from the vendor's address to Kafka, within the budget."""

import json
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from jobs.lake.alerts import Alerts
from jobs.lake.errors import SettingsError
from jobs.lake.instruments import read_instruments
from jobs.lake.postgres import Connection
from jobs.lake.quote_asks import QuoteAsks
from jobs.lake.settings import Settings
from producers.kafka_sink import KafkaSink
from tapehouse.quote_poller import ALERT, SOURCE, QuotePoller, find_asked, next_ask
from tests.secret_search import SECRET
from tests.stack import Stack
from tests.tapehouse.always_open import quotes_of_today, write_budgets, write_instruments
from tests.vendors.alpha_vantage import AlphaVantageServer, Fault

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MANY = 10**9  # calls: the next is due at once


class Polled:
    """Settings and listings of pollers, and a poller for the length of a block."""

    def __init__(
        self, stack: Stack, folder: Path, url: str, *symbols: str, live: int = MANY, **instruments: Any
    ) -> None:
        file = write_instruments(folder, symbols, **instruments)
        changes = {
            "alpha_vantage_key": SecretStr(SECRET),
            "alpha_vantage_url": url,
            "budgets": write_budgets(folder, live=live),
            "instruments": file,
        }
        self.settings: Settings = stack.settings.model_copy(update=changes)
        self._refused = folder / "refused.jsonl"
        self._listings = [one for one in read_instruments(file).listings if one.vendor == SOURCE]

    @contextmanager
    def running(self, **how: Any) -> Generator[tuple[QuotePoller, KafkaSink], None, None]:
        settings = self.settings
        sink = KafkaSink(kafka=settings.kafka, topic=settings.topic, refused_file=self._refused)
        with sink, QuotePoller(self.settings, self._listings, sink, look_every=0.02, **how) as poller:
            yield poller, sink


@pytest.fixture
def polled(stack: Stack, tmp_path: Path) -> Callable[..., Polled]:
    with closing(Connection(stack.settings)) as ledger:
        # what other tests have had of the day
        ledger.execute("DELETE FROM quote_asks")
        ledger.execute("DELETE FROM calls WHERE source = %s", (SOURCE,))
        ledger.execute("DELETE FROM sources WHERE source = %s", (SOURCE,))
    return lambda server, *symbols, **how: Polled(stack, tmp_path, server.url, *symbols, **how)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def asked(server: AlphaVantageServer) -> list[str]:
    return [query["symbol"] for query in server.asked]


def test_calls_are_spread_over_what_is_left_of_the_session() -> None:
    end = NOON + timedelta(hours=6)
    assert next_ask(NOON, end=end, left=5) == NOON + timedelta(hours=1)
    assert next_ask(NOON, end=end, left=0) == end
    # asked last on the day before: the first of the day is due
    assert next_ask(NOON - timedelta(days=1), end=end, left=5) < NOON


def test_the_stalest_symbol_is_asked_first_and_its_quote_is_in_kafka(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer(quotes_of_today("BTC", "ETH", "XRP"), key=SECRET, a_day=100) as server:
        setup = polled(server, "BTC", "ETH", "XRP")
        with closing(QuoteAsks(setup.settings, SOURCE)) as asks:
            for symbol, hours in (("BTC", 1), ("XRP", 2)):
                asks.claim([symbol], NOON - timedelta(hours=hours), is_due=lambda *_: True)
        with setup.running() as (poller, sink):
            until(lambda: poller.tally.quotes >= 5)
    assert asked(server)[:5] == ["ETH", "XRP", "BTC", "ETH", "XRP"]
    assert sink.acknowledged == poller.tally.quotes == len(server.asked)


def test_no_more_is_asked_than_the_budget_has(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer(quotes_of_today("BTC"), key=SECRET) as server:
        setup = polled(server, "BTC", live=1)
        with setup.running() as (poller, _):
            until(lambda: poller.tally.quotes == 1)
            time.sleep(0.3)
        with setup.running():  # started again on the same day
            time.sleep(0.5)
    assert asked(server) == ["BTC"]


def test_neither_a_restart_nor_another_process_asks_before_it_is_due(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer(quotes_of_today("BTC", "ETH"), key=SECRET) as server:
        setup = polled(server, "BTC", "ETH", live=5)
        with setup.running(clock=lambda: NOON), setup.running(clock=lambda: NOON):
            until(lambda: len(server.asked) == 1)
            time.sleep(0.3)
        with setup.running(clock=lambda: NOON + timedelta(hours=1)):
            time.sleep(0.5)
        assert asked(server) == ["BTC"]
        # twelve hours are left at noon, and four calls after the first
        with setup.running(clock=lambda: NOON + timedelta(hours=2, minutes=24)):
            until(lambda: len(server.asked) == 2)
    assert asked(server) == ["BTC", "ETH"]


def test_nothing_is_asked_while_the_exchange_is_closed(polled: Callable[..., Polled]) -> None:
    closed = ("2026-11-26T17:00", "2026-11-27T18:30", "2026-11-28T17:00", "2026-11-25T14:29")
    with AlphaVantageServer(quotes_of_today("BTC"), key=SECRET) as server:
        setup = polled(server, "BTC", calendar="XNAS")
        for text in closed:
            moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
            with setup.running(clock=lambda moment=moment: moment):
                time.sleep(0.3)
        assert server.asked == []
        with setup.running(clock=lambda: datetime(2026, 11, 25, 14, 30, tzinfo=UTC)):
            until(lambda: len(server.asked) >= 1)


def test_a_key_that_is_refused_ends_the_asking_and_opens_an_alert_until_one_is_not(
    stack: Stack, polled: Callable[..., Polled]
) -> None:
    def alerts() -> list[str]:
        with closing(Alerts(stack.settings)) as ledger:
            return [alert.subject for alert in ledger.are_open() if alert.name == ALERT]

    with AlphaVantageServer({}, key="another") as server:
        with polled(server, "BTC").running() as (poller, _):
            until(lambda: poller.ended is not None)
        assert len(server.asked) == 1
    assert "refuses the key" in str(poller.ended)
    assert SECRET not in str(poller.ended)
    assert alerts() == ["alpha_vantage quotes"]
    with (
        AlphaVantageServer(quotes_of_today("BTC"), key=SECRET) as server,
        polled(server, "BTC").running() as (poller, _),
    ):
        until(lambda: poller.tally.quotes >= 1)
    assert alerts() == []


def test_a_symbol_that_the_vendor_does_not_know_is_asked_once_a_day(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer(quotes_of_today("ETH"), key=SECRET, a_day=100) as server:
        setup = polled(server, "BTC", "ETH")
        began, ahead = time.monotonic(), [timedelta()]

        def clock() -> datetime:
            return NOON + ahead[0] + timedelta(seconds=time.monotonic() - began)

        with setup.running(clock=clock) as (poller, _):
            until(lambda: poller.tally.quotes >= 3)
            ahead[0] = timedelta(days=1)
            until(lambda: asked(server).count("BTC") == 2)
    assert asked(server)[:4] == ["BTC", "ETH", "ETH", "ETH"]


@pytest.mark.parametrize(
    "fault",
    [
        (500, "text/html", "out of order"),
        (200, "application/json", '{"Note": "our standard is 5 calls per minute"}'),
    ],
)
def test_what_fails_costs_one_call_and_the_next_quote_is_asked_for(
    polled: Callable[..., Polled], fault: Fault
) -> None:
    with (
        AlphaVantageServer(quotes_of_today("BTC", "ETH"), key=SECRET, faults=[fault]) as server,
        polled(server, "BTC", "ETH").running() as (poller, _),
    ):
        until(lambda: poller.tally.quotes >= 1)
    assert asked(server)[:2] == ["BTC", "ETH"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [({"Quote": {"05. price": "1"}}, "lost_message"), ({"Global Quote": 5}, "retyped_message")],
)
def test_an_answer_in_another_form_is_sent_and_named(
    polled: Callable[..., Polled], body: dict[str, Any], problem: str
) -> None:
    with (
        AlphaVantageServer({("GLOBAL_QUOTE", "BTC"): body}, key=SECRET) as server,
        polled(server, "BTC").running() as (poller, sink),
    ):
        until(lambda: poller.tally.frames >= 1)
    assert set(poller.tally.drift) == {problem}
    assert (poller.tally.quotes, sink.acknowledged) == (0, poller.tally.frames)


def test_a_ledger_that_is_away_is_no_failure(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer({}, key=SECRET) as server:
        setup = polled(server, "BTC")
        setup.settings = setup.settings.model_copy(update={"ledger_port": 9})
        with setup.running() as (poller, _):
            time.sleep(0.5)
            poller.must_live()
    assert server.asked == []


def test_whom_the_vendor_can_be_asked_for_is_said_at_the_start(
    stack: Stack, tmp_path: Path, polled: Callable[..., Polled]
) -> None:
    said: list[str] = []
    with AlphaVantageServer({}, key=SECRET) as server:
        settings = polled(server, "BTC", live=7, of_yahoo_only=["ETH"]).settings
    found = find_asked(["BTC", "btc-usd", "ETH"], settings, said.append)
    assert [listing.listed_symbol for listing in found] == ["BTC"]
    assert ["ETH" in said[0], "7 a day" in said[1], server.url in said[2]] == [True] * 3
    assert find_asked(["BTC"], stack.settings, said.append) == []  # without a key
    (tmp_path / "none.yaml").write_text(json.dumps({"version": 1, "sources": {}}))
    with pytest.raises(SettingsError, match="no budget for live"):
        find_asked(["BTC"], settings.model_copy(update={"budgets": tmp_path / "none.yaml"}), said.append)
