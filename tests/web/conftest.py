"""One lakehouse and one page for all browser tests, and Debian's Chromium to look at it."""

import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.lake.ledger import Ledger
from tapehouse.paths import VENV
from tapehouse.services.instance import Instance
from tests.processes import Program
from tests.web.lake import PageLake, bar

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
WHY = "no chromium on the PATH: runs after apt-get install chromium"
MARKUP = "<img src=x onerror=alert(1)>"


class Served:
    """A page of a lake, in a process of its own, as users start it."""

    def __init__(self, lake: PageLake, folder: Path, *options: str) -> None:
        self.lake, self._folder, self._options = lake, folder, options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [VENV / "bin" / "python", "-m", "tapehouse", "page", "--port", str(self.port)]
        log = self._folder / f"page-{self.port}-{time.monotonic_ns()}.log"
        self.program = Program([*command, *self._options], log=log, environment=self.lake.environment)
        self.program.wait_for(lambda: self.url in self.program.output, what="its address", seconds=60)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.program.process.pid, number)


@dataclass
class Seen:
    """What a browser complains of, and whom it asks."""

    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@pytest.fixture(scope="package")
def lake(services: Instance, tmp_path_factory: pytest.TempPathFactory) -> PageLake:
    """A recorded session of three symbols, one of which carries markup in its name."""
    made = PageLake.on(services, tmp_path_factory.mktemp("page"))
    with closing(Ledger(made.settings)):
        pass
    made.commit(
        *[bar(minute, "12" if minute % 2 else "9") for minute in range(5)],
        bar(0, "11", symbol="MSFT"),
        bar(0, "11", symbol=MARKUP),
    )
    return made


@pytest.fixture(scope="package")
def served(lake: PageLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(lake, tmp_path_factory.mktemp("served"))
    yield made
    made.program.kill()


@pytest.fixture(scope="package")
def few(lake: PageLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page for two browsers, which may be killed."""
    made = Served(lake, tmp_path_factory.mktemp("few"), "--max-clients", "2")
    yield made
    made.program.kill()


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    if CHROMIUM is None:
        pytest.skip(WHY)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        made = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser: "Browser", seen: Seen) -> "Iterator[Page]":
    """A browser's page of which every complaint and every host is noted; none of another may be asked."""
    context = browser.new_context(timezone_id="Europe/Berlin", viewport={"width": 1280, "height": 800})
    made = context.new_page()
    made.on("console", lambda told: seen.complaints.append(told.text) if told.type != "info" else None)
    made.on("pageerror", lambda error: seen.complaints.append(str(error)))
    made.on("request", lambda asked: seen.hosts.add(re.sub(r"^\w+://([^/]+)/.*", r"\1", asked.url)))
    yield made
    context.close()


@pytest.fixture
def look(page: "Page", served: Served) -> "Callable[..., Page]":
    """Open the page at a symbol, and wait until its chart is there."""
    from playwright.sync_api import expect

    def at(symbol: str = "us-apple", *, of: Served = served) -> "Page":
        page.goto(f"{of.url}/?symbol={symbol}", wait_until="domcontentloaded")
        expect(page.locator("#notes")).to_contain_text("bars", timeout=30_000)
        return page

    return at
