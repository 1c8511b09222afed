"""Alpha Vantage's quotes beside a live stream, from the vendor's address to Kafka, within the budget."""

import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from jobs.lake.instruments import read_instruments
from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.quote_asks import QuoteAsks
from jobs.lake.settings import Settings
from producers.kafka_sink import KafkaSink
from tapehouse.quote_poller import SOURCE, QuotePoller, next_ask
from tests.secret_search import SECRET
from tests.stack import Stack
from tests.tapehouse.always_open import quotes_of_today, write_budgets, write_instruments
from tests.vendors.alpha_vantage import AlphaVantageServer

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Polled:
    """Settings and listings of a poller, and the poller for the length of a block."""

    def __init__(
        self, stack: Stack, folder: Path, server: AlphaVantageServer, *symbols: str, live: int
    ) -> None:
        instruments = write_instruments(folder, symbols)
        changes = {
            "alpha_vantage_key": SecretStr(SECRET),
            "alpha_vantage_url": server.url,
            "budgets": write_budgets(folder, live=live),
            "instruments": instruments,
        }
        self.settings: Settings = stack.settings.model_copy(update=changes)
        self.folder = folder
        known = read_instruments(instruments).listings
        self.listings = [listing for listing in known if listing.vendor == SOURCE]

    @contextmanager
    def running(self) -> Generator[tuple[QuotePoller, KafkaSink], None, None]:
        sink = KafkaSink(
            bootstrap=self.settings.kafka_bootstrap,
            topic=self.settings.topic,
            refused_file=self.folder / "refused.jsonl",
        )
        with sink, QuotePoller(self.settings, self.listings, sink, look_every=0.02) as poller:
            yield poller, sink


@pytest.fixture
def polled(stack: Stack, tmp_path: Path) -> Callable[..., Polled]:
    with closing(Connection(stack.settings)) as ledger:
        bring_up_to_date(ledger.execute)
        # what other tests have had of the day
        ledger.execute("DELETE FROM quote_asks")
        ledger.execute("DELETE FROM calls WHERE source = %s", (SOURCE,))
        ledger.execute("DELETE FROM sources WHERE source = %s", (SOURCE,))
    return lambda server, *symbols, live=10**9: Polled(stack, tmp_path, server, *symbols, live=live)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def asked(server: AlphaVantageServer) -> list[str]:
    return [query["symbol"] for query in server.asked]


def test_calls_are_spread_over_what_is_left_of_the_session() -> None:
    end = NOON + timedelta(hours=6)
    assert next_ask(NOON, end=end, left=5) == NOON + timedelta(hours=1)
    assert next_ask(NOON, end=end, left=0) == end
    assert next_ask(end, end=NOON, left=3) == end  # the call took until after the close


def test_the_stalest_symbol_is_asked_first_and_its_quote_is_in_kafka(polled: Callable[..., Polled]) -> None:
    answers = quotes_of_today("BTC", "ETH", "XRP")
    with AlphaVantageServer(answers, key=SECRET, a_day=100) as server:
        setup = polled(server, "BTC", "ETH", "XRP")
        with closing(QuoteAsks(setup.settings, SOURCE)) as asks:
            asks.note("BTC", NOON - timedelta(hours=1))
            asks.note("XRP", NOON - timedelta(hours=2))
        with setup.running() as (poller, sink):
            until(lambda: poller.tally.quotes >= 5)
        poller.must_live()
    assert asked(server)[:5] == ["ETH", "XRP", "BTC", "ETH", "XRP"]
    assert sink.acknowledged == poller.tally.quotes == len(server.asked)


def test_no_more_is_asked_than_the_budget_has(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer(quotes_of_today("BTC"), key=SECRET) as server:
        setup = polled(server, "BTC", live=1)
        with setup.running() as (poller, _):
            until(lambda: poller.tally.quotes == 1)
            time.sleep(0.3)
        with setup.running() as (poller, _):  # started again on the same day
            time.sleep(0.5)
        assert poller.tally.quotes == 0
    assert asked(server) == ["BTC"]


def test_a_key_that_is_refused_ends_the_asking_and_says_so(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer({}, key="another") as server:
        with polled(server, "BTC").running() as (poller, _):
            until(lambda: poller.ended is not None)
        assert len(server.asked) == 1
    assert "refuses the key" in str(poller.ended)
    assert SECRET not in str(poller.ended)
    poller.must_live()


def test_a_symbol_that_the_vendor_does_not_know_is_asked_once(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer(quotes_of_today("ETH"), key=SECRET, a_day=100) as server:
        with polled(server, "BTC", "ETH").running() as (poller, _):
            until(lambda: poller.tally.quotes >= 3)
        poller.must_live()
    assert asked(server)[:4] == ["BTC", "ETH", "ETH", "ETH"]


def test_an_outage_is_told_and_the_next_quote_is_asked_for(
    polled: Callable[..., Polled], monkeypatch: pytest.MonkeyPatch
) -> None:
    from producers import asking

    monkeypatch.setattr(asking, "PAUSE", dict.fromkeys(asking.PAUSE, 0.01))
    faults = [(500, "text/html", "out of order")] * asking.TRIES
    with AlphaVantageServer(quotes_of_today("BTC"), key=SECRET, faults=list(faults)) as server:
        with polled(server, "BTC").running() as (poller, _):
            until(lambda: poller.tally.quotes >= 1)
        poller.must_live()
    assert len(server.asked) >= asking.TRIES + 1


def test_a_ledger_that_is_away_is_no_failure(polled: Callable[..., Polled]) -> None:
    with AlphaVantageServer({}, key=SECRET) as server:
        setup = polled(server, "BTC")
        setup.settings = setup.settings.model_copy(update={"ledger_port": 9})
        with setup.running() as (poller, _):
            time.sleep(0.5)
            poller.must_live()
        assert server.asked == []
