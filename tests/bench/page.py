"""Page: from a commit in gold to the pixels of a browser, and what the page's process takes meanwhile."""

import argparse
import http.client
import socket
import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from jobs.lake.ledger import Ledger
from tests.bench.lake import Lake, say, services
from tests.bench.measure import percentiles
from tests.bench.program import PYTHON, Measured
from tests.bench.report import Report
from tests.bench.symbols import SYMBOLS
from tests.web.conftest import CHROMIUM, WHY
from tests.web.lake import BARS

if TYPE_CHECKING:
    from playwright.sync_api import Page

SESSION, OPEN = date(2026, 11, 24), datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
BEFORE = 120  # minutes that are there at the start
WATCHED = SYMBOLS[0]
HEADER = ("commits/s", "symbols", "clients", "n", "p50 s", "p95 s", "max s", "cores", "MB")
# the price is written where the candle is drawn; two frames later both are on the screen
OBSERVE = """() => { window.painted = [];
const price = document.getElementById('price');
new MutationObserver(() => { const text = price.textContent;
  requestAnimationFrame(() => requestAnimationFrame(() => window.painted.push([parseFloat(text), Date.now() / 1000])));
}).observe(price, {childList: true, characterData: true, subtree: true}); }"""


class Clients:
    """Browsers' streams without browsers: they read what they are sent, for the length of a block."""

    def __init__(self, port: int, number: int) -> None:
        self._open = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(number)]
        self._threads = [
            threading.Thread(target=self._read, args=(one, SYMBOLS[place]), daemon=True)
            for place, one in enumerate(self._open)
        ]
        self.bytes = 0

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for one in self._open:
            if one.sock is not None:
                one.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _read(self, connection: http.client.HTTPConnection, symbol: str) -> None:
        connection.request("GET", f"/events?symbol={symbol}")
        response = connection.getresponse()
        assert response.status == 200
        with suppress(http.client.IncompleteRead):  # it is ended from here
            while received := response.read1(1 << 16):
                self.bytes += len(received)


def run(args: argparse.Namespace) -> Report:
    if CHROMIUM is None:
        raise SystemExit(WHY)
    with services("page") as instance, ExitStack() as closing:
        lake = Lake(instance, "page", topic="page.v1")
        Ledger(lake.settings).close()
        say(f"{BEFORE} minutes of {len(SYMBOLS)} symbols")
        commit(lake, range(BEFORE))
        port = _free_port()
        command = [PYTHON, "-m", "tapehouse", "page", "--port", str(port)]
        page = closing.enter_context(Measured(lake, "page", command))
        page.wait_for(lambda: f":{port}/" in page.output, what="its address", seconds=60)
        clients = closing.enter_context(Clients(port, args.clients - 1))
        browser = closing.enter_context(_browser(port))
        say(f"{args.clients} clients, {args.warm_up} s of warm-up, {args.seconds} s that count")
        committed = _commit_each_second(lake, args.warm_up + args.seconds)
        browser.wait_for_timeout(3000)
        painted = {round(price * 100): at for price, at in browser.evaluate("window.painted")}
        begin, end = committed[args.warm_up][1], committed[-1][1]
        cores = page.usage.cpu_seconds(begin=begin, end=end) / (end - begin)
        say(f"{clients.bytes / 1e6:.0f} MB were sent to the others")
        # two commits that are seen together are painted as one: that which came later
        waits = [
            min((seen for price, seen in painted.items() if price >= cents), default=np.inf) - at
            for cents, at in committed[args.warm_up :]
        ]
        used = [sample.total for sample in page.usage.samples if begin <= sample.at <= end]
    return report(args, np.array(waits), cores, max(used), page.usage.peak)


def report(args: argparse.Namespace, waits: np.ndarray, cores: float, most: float, peak: float) -> Report:
    found = percentiles(waits)
    shown = [f"{found[name]:.2f}" for name in ("p50", "p95", "max")]
    row = ["1", str(len(SYMBOLS)), str(args.clients), str(len(waits)), *shown, f"{cores:.2f}", f"{most:.0f}"]
    made = Report("page", "From a commit in gold.bars_1m to the pixels of a browser", HEADER, [row])
    made.options, made.details = vars(args), [found | {"cores": cores, "most_mb": most, "peak_mb": peak}]
    made.notes = [
        "cores and MB are those of the page's process; a real browser looks, the other clients only read",
        f"at its start it reads the calendars in a process of its own, for seconds: {peak:.0f} MB with it",
    ]
    return made


def commit(lake: Lake, minutes: range) -> float:
    """The bars of all symbols in these minutes, as one commit; when it was made."""
    rows = [_bar(number, minute) for minute in minutes for number in range(len(SYMBOLS))]
    write_deltalake(
        lake.url("gold.bars_1m"),
        pa.Table.from_pylist(rows, schema=BARS),
        mode="append",
        partition_by=["session"],
        storage_options=lake.settings.storage_options(),
    )
    return time.time()


def _commit_each_second(lake: Lake, seconds: int) -> list[tuple[int, float]]:
    """One minute of the market each second; the price of the watched symbol in cents, and when it was committed."""
    made, begin = [], time.monotonic()
    for number in range(seconds):
        time.sleep(max(0.0, begin + number - time.monotonic()))
        minute = BEFORE + number
        made.append((_cents(minute), commit(lake, range(minute, minute + 1))))
    return made


def _bar(number: int, minute: int) -> dict[str, Any]:
    close = Decimal(_cents(minute)) / 100
    return {
        "source": "generated",
        "instrument_id": f"bench-{number:03d}",
        "bar_start": OPEN + timedelta(minutes=minute),
        "session": SESSION,
        "symbol": SYMBOLS[number],
        "mic": "XNYS" if number % 2 else "XNAS",
        "currency": "USD",
        "open": close - Decimal("0.01"),
        "high": close + Decimal("0.03"),
        "low": close - Decimal("0.04"),
        "close": close,
        "volume": 100 + number,
        "quote_count": 9,
        "volume_is_complete": True,
        "is_final": True,
        "revision": 0,
    }


def _cents(minute: int) -> int:
    return 10_000 + minute


@contextmanager
def _browser(port: int) -> "Generator[Page, None, None]":
    """A real browser that looks at one symbol, and notes when each of its prices was painted."""
    from playwright.sync_api import expect, sync_playwright

    with (
        sync_playwright() as running,
        running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{port}/?symbol={WATCHED}")
        expect(page.locator("#notes")).to_contain_text("bars", timeout=20_000)
        page.evaluate(OBSERVE)
        yield page


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
