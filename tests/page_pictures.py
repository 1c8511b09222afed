"""python -m tests.page_pictures: the live page at three moments and on a phone, into docs/. Takes a minute.

Prices that walk at random are committed as the stream commits bars, each moment in a lakehouse of its own; page, ledger
and browser are those that users have. Run it while New York is closed: that is one of the moments.
"""

import contextlib
import random
import sys
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs.lake.heartbeats import Heartbeats
from jobs.lake.ledger import Ledger
from tapehouse.exchange_hours import is_open, recent_sessions
from tapehouse.paths import ROOT
from tapehouse.services.instance import Instance
from tests.bench.lake import say, services
from tests.web.conftest import CHROMIUM, WHY, Served
from tests.web.driver import driver
from tests.web.lake import PageLake, bar

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DOCS = ROOT / "docs"
MINUTE, SHOWN = timedelta(minutes=1), 150
WITHIN, SETTLED = 30_000, 4_000  # milliseconds
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
NEW_YORK = {"AAPL": 230.0, "AMD": 160.0, "NVDA": 140.0, "TSLA": 340.0}
NEVER_CLOSED = {"BTC-USD": 91_000.0, "ETH-USD": 3_000.0, "SOL-USD": 140.0}
IDS = {"AAPL": "us-apple", "AMD": "us-amd", "NVDA": "us-nvidia", "TSLA": "us-tesla"}
IDS |= {"BTC-USD": "crypto-bitcoin-usd"}


class Walk:
    """Bars of some symbols at one venue, minute after minute."""

    def __init__(self, prices: dict[str, float], mic: str) -> None:
        self._prices, self._mic = dict(prices), mic
        self._chance = random.Random(1)

    def minute(self, start: datetime, **changes: Any) -> list[dict[str, Any]]:
        """A bar of each symbol; the next one begins where this one ends."""
        return [self._bar(symbol, start, changes) for symbol in self._prices]

    def _bar(self, symbol: str, start: datetime, changes: dict[str, Any]) -> dict[str, Any]:
        path = [self._prices[symbol]]
        for _ in range(12):
            path.append(path[-1] * (1 + self._chance.gauss(0, 0.0003)))
        self._prices[symbol] = path[-1]
        prices = [Decimal(f"{price:.2f}") for price in path]
        of_symbol = {
            "source": "yahoo",
            "instrument_id": IDS.get(symbol, f"i-{symbol}"),
            "bar_start": start,
            "session": start.date(),
            "mic": self._mic,
            "open": prices[0],
            "close": prices[-1],
            "high": max(prices),
            "low": min(prices),
            "volume": self._chance.randint(500, 9_000),
            "quote_count": 12,
        }
        return bar(0, "0", symbol=symbol) | of_symbol | changes


class Place:
    """A lakehouse, and the browser that looks at its page."""

    def __init__(self, instance: Instance, name: str, browser: "Browser") -> None:
        self.folder = instance.folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lake = PageLake.on(instance, self.folder)
        self.lake.environment["TAPEHOUSE_INSTRUMENTS"] = str(ROOT / "conf" / "instruments.yaml")
        self._browser = browser
        self._fills = 0
        with closing(Ledger(self.lake.settings)):
            pass

    def fill(self, bars: Iterable[dict[str, Any]]) -> None:
        """Commit bars, and the quotes that they are made of as far as the health is told of them."""
        rows = list(bars)
        self._fills += 1
        self.lake.commit(*rows)
        self.lake.log(*rows, sequence=self._fills)
        newest = max(row["bar_start"] for row in rows) + MINUTE - timedelta(seconds=1)
        self.lake.write("silver.quotes", [{"event_time": newest}] * 12 * len(rows))
        self.lake.write("bronze.quotes", [{"kafka_time": newest}] * 12 * len(rows))
        self.lake.write("silver.rejected", [{"kafka_time": newest, "violations": ["price_positive"]}])

    @contextlib.contextmanager
    def page(self) -> Generator[str, None, None]:
        """A driver and the page; its address."""
        with driver(self.lake):
            served = Served(self.lake, self.folder)
            try:
                yield served.url
            finally:
                served.program.kill()

    def picture(self, name: str, address: str, states: dict[str, str], viewport: dict[str, int]) -> None:
        """The page once its boxes have these states."""
        context = self._browser.new_context(viewport=viewport)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(address, wait_until="domcontentloaded")
        for box, state in states.items():
            page.locator(f"#box-{box}[data-state={state}]").wait_for(timeout=WITHIN)
        page.wait_for_timeout(SETTLED)
        page.screenshot(path=DOCS / f"{name}.png")
        context.close()
        say(f"docs/{name}.png")


def closed(at: Place, close: datetime) -> None:
    """After a session, of which one late quote has revised a bar."""
    walk = Walk(NEW_YORK, "XNAS")
    minutes = [walk.minute(close - (SHOWN - number) * MINUTE) for number in range(SHOWN)]
    minutes[-20][-1] |= {"revision": 1}
    at.fill(row for minute in minutes for row in minute)
    with at.page() as address:
        states = {"feed": "closed", "stream_tables": "closed", "job": "ok"}
        at.picture("page-closed", f"{address}/?symbol=us-tesla", states, DESK)


def live(at: Place) -> None:
    """Quotes come: each second changes the bar of this minute."""
    walk, now = Walk(NEVER_CLOSED, "XCRY"), datetime.now(UTC).replace(second=0, microsecond=0)
    at.fill(row for number in range(SHOWN) for row in walk.minute(now - (SHOWN - number) * MINUTE))
    ended = threading.Event()

    def send() -> None:
        with closing(Heartbeats(at.lake.settings)) as heart:
            while not ended.wait(1):
                at.fill(walk.minute(datetime.now(UTC).replace(second=0, microsecond=0), is_final=False))
                heart.beat(["yahoo"])

    sending = threading.Thread(target=send)
    sending.start()
    try:
        with at.page() as address:
            states = {"feed": "ok", "stream_tables": "ok", "job": "ok"}
            look = f"{address}/?symbol=crypto-bitcoin-usd"
            at.picture("page-live", look, states, DESK)
            at.picture("page-phone", look, states, PHONE)
    finally:
        ended.set()
        sending.join()


def dead(at: Place) -> None:
    """The producer was killed twenty minutes ago."""
    walk, now = Walk(NEVER_CLOSED, "XCRY"), datetime.now(UTC).replace(second=0, microsecond=0)
    at.fill(row for number in range(20, SHOWN) for row in walk.minute(now - (SHOWN + 20 - number) * MINUTE))
    with at.page() as address:
        states = {"feed": "late", "stream_tables": "late", "job": "ok"}
        at.picture("page-dead", f"{address}/?symbol=crypto-bitcoin-usd", states, DESK)


def main() -> int:
    if CHROMIUM is None:
        say(WHY)
        return 2
    now = datetime.now(UTC)
    if is_open("XNYS", now):
        say("New York is open: run it when it is closed")
        return 2
    from playwright.sync_api import sync_playwright

    begun = time.monotonic()
    closes = max(end for _, _, end in recent_sessions("XNYS", now) if end <= now.timestamp())
    with sync_playwright() as running, services("page-pictures") as instance:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        closed(Place(instance, "closed", browser), datetime.fromtimestamp(closes, UTC))
        live(Place(instance, "live", browser))
        dead(Place(instance, "dead", browser))
        browser.close()
    say(f"{time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
