"""The page in a real browser: what is shown, and that it cannot lie."""

import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.lake.heartbeats import Heartbeats
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.postgres import Connection
from tests.web.conftest import MARKUP, Seen, Served
from tests.web.lake import PageLake, bar, live_bar

if TYPE_CHECKING:
    from playwright.sync_api import Page

Look = Callable[..., "Page"]
COLOURS = """() => { const found = {};
for (const canvas of document.querySelectorAll('#chart canvas')) {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4) {
    const name = `${data[i]},${data[i + 1]},${data[i + 2]}`; found[name] = (found[name] ?? 0) + 1; } }
return found; }"""
UP, DOWN = "38,166,154", "217,84,79"
DRIVER = """import sys
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.settings import read_settings
settings = read_settings()
ledger = Ledger(settings)
with ledger.run("stream_quotes", topic=settings.topic):
    lease = Lease(settings, settings.topic, run_id=ledger.run_id)
    lease.acquire()
    ledger.mark_ready()
    print("ready", flush=True)
    sys.stdin.read()
    lease.close()"""


def text(page: "Page", selector: str) -> str:
    return page.locator(selector).inner_text()


def becomes(page: "Page", selector: str, state: str, *, seconds: float) -> None:
    """A box has a state, within so many seconds, and says it in a word where it has one."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_attribute("data-state", state, timeout=1000 * seconds)
    if selector.startswith("#box"):
        assert state in text(page, f"{selector} summary .pill")


def says(page: "Page", selector: str, what: str, *, seconds: float = 3) -> None:
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_contain_text(what, timeout=1000 * seconds)


def says_no_more(page: "Page", selector: str, what: str, *, seconds: float = 3) -> None:
    from playwright.sync_api import expect

    expect(page.locator(selector)).not_to_contain_text(what, timeout=1000 * seconds)


def test_nothing_is_complained_of_and_nobody_else_is_asked(look: Look, seen: Seen, served: Served) -> None:
    page = look()
    for view in ("minute", "day", "live"):
        page.click(f"[data-view={view}]")
        says(page, "#caption", {"minute": "gold.minutes", "day": "gold.", "live": "gold.bars_1m"}[view])
    page.wait_for_timeout(300)
    assert (seen.complaints, seen.hosts) == ([], {served.url.removeprefix("http://")})


def test_a_new_bar_is_seen_within_three_seconds(look: Look, lake: PageLake) -> None:
    page = look("us-microsoft")
    assert "11.00" in text(page, "#price")
    lake.commit(bar(1, "12.5", symbol="MSFT"))
    says(page, "#price", "12.50")
    says(page, "#list [data-chosen] .price", "12.50")


def test_the_chart_says_basis_source_and_table(look: Look) -> None:
    page = look()
    assert text(page, "#caption").startswith("raw, as traded · source yahoo_recording · gold.bars_1m")
    assert "America/New_York" in text(page, "#caption")


def test_candles_are_painted_in_the_colours_of_the_page(look: Look) -> None:
    page = look()
    page.wait_for_timeout(300)
    found = page.evaluate(COLOURS)
    assert found.get(UP, 0) > 50
    assert found.get(DOWN, 0) > 50


def test_an_older_bar_that_is_revised_is_shown_and_marked(look: Look, lake: PageLake) -> None:
    page = look("us-apple")
    lake.commit(bar(1, "33.25", revision=1))
    says(page, "#notes", "1 revised: marked rev")
    # it is older than the newest, which stays
    assert "33.25" not in text(page, "#price")
    page.locator("#chart").focus()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
        if "33.25" in text(page, "#bar"):
            break
    assert "close 33.25" in text(page, "#bar")
    assert "revision 1" in text(page, "#bar")


def test_a_provisional_bar_is_hollow_and_says_so(look: Look, lake: PageLake) -> None:
    lake.commit(bar(0, "30", symbol="HOLLOW", is_final=False))
    page = look("i-HOLLOW")
    says(page, "#notes", "1 provisional: hollow")
    assert "provisional" in text(page, "#bar")
    page.wait_for_timeout(300)
    hollow = page.evaluate(COLOURS).get(UP, 0)
    lake.commit(bar(0, "30", symbol="HOLLOW"))
    says_no_more(page, "#notes", "provisional")
    page.wait_for_timeout(300)
    assert hollow < page.evaluate(COLOURS)[UP] / 4


def test_a_minute_without_a_bar_is_a_gap(look: Look, lake: PageLake) -> None:
    lake.commit(*[bar(minute, "12", symbol="HOLE") for minute in (0, 1, 5, 6)])
    page = look("i-HOLE")
    says(page, "#notes", "4 bars · 3 minutes without a bar: shaded")


def test_what_never_closes_has_gaps_too(look: Look, lake: PageLake) -> None:
    lake.commit(*[bar(minute, "12", symbol="COIN", mic="XCRY") for minute in (0, 1, 4)])
    page = look("i-COIN")
    says(page, "#notes", "3 bars · 2 minutes without a bar: shaded")


def test_a_symbol_cannot_carry_markup_into_the_page(look: Look, seen: Seen) -> None:
    page = look()
    says(page, "#list", MARKUP)
    page.locator("#list button", has_text="<img").click()
    says(page, "#symbol", MARKUP)
    assert page.locator("img").count() == 0
    assert seen.complaints == []


def test_a_feed_that_falls_silent_turns_late(look: Look, lake: PageLake) -> None:
    page = look()
    nearly_late = datetime.now(UTC) - timedelta(minutes=4, seconds=57)
    lake.commit(live_bar(nearly_late))
    says(page, "#list", "X")
    assert page.locator("#box-stream_tables").get_attribute("data-state") != "late"
    becomes(page, "#box-stream_tables", "late", seconds=8)
    says(page, "#problems", "gold.bars_1m is late by")
    becomes(page, "#sum", "failed", seconds=3)


def test_a_producer_that_died_turns_the_feed_late(look: Look, lake: PageLake) -> None:
    page = look()
    lake.commit(live_bar(datetime.now(UTC)))
    beat = "INSERT INTO heartbeats (topic, producer, host, pid) VALUES (%s, 'yahoo', 'elsewhere', 1)"
    with closing(Heartbeats(lake.settings)), closing(Connection(lake.settings)) as ledger:
        ledger.execute(beat, (lake.settings.topic,))
        becomes(page, "#box-feed", "ok", seconds=6)
        ledger.execute(
            "UPDATE heartbeats SET beat_at = now() - interval '26 s' WHERE topic = %s", (lake.settings.topic,)
        )
        becomes(page, "#box-feed", "late", seconds=6)
        says(page, "#problems", "no producer of yahoo")
        ledger.execute("DELETE FROM heartbeats WHERE topic = %s", (lake.settings.topic,))


def test_a_job_that_stopped_is_seen_within_seconds(look: Look, lake: PageLake) -> None:
    page, settings = look(), lake.settings
    with closing(Ledger(settings)) as ledger:
        with ledger.run("stream_quotes", topic=settings.topic):
            ledger.mark_ready()
            with closing(Lease(settings, settings.topic, run_id=ledger.run_id)) as lease:
                lease.acquire()
                becomes(page, "#box-job", "ok", seconds=4)
        becomes(page, "#box-job", "stopped", seconds=4)
    with (
        closing(Ledger(settings)) as ledger,
        pytest.raises(OSError, match="no room"),
        ledger.run("stream_quotes", topic=settings.topic),
    ):
        raise OSError("no room")
    becomes(page, "#box-job", "failed", seconds=4)
    says(page, "#box-job", "no room")


@contextmanager
def driver(lake: PageLake) -> Generator["subprocess.Popen[str]", None, None]:
    """A process that holds the lease as a driver does."""
    with lake.named():
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=30)


def test_a_driver_that_is_paused_is_seen_within_seconds(look: Look, lake: PageLake) -> None:
    page = look()
    with driver(lake) as process, closing(Connection(lake.settings)) as ledger:
        becomes(page, "#box-job", "ok", seconds=4)
        process.send_signal(signal.SIGSTOP)
        # as if it had been stopped for nine seconds
        age = "UPDATE leases SET renewed_at = renewed_at - interval '9 s' WHERE table_group = %s"
        ledger.execute(age, (lake.settings.topic,))
        becomes(page, "#box-job", "late", seconds=10)
        says(page, "#box-job", "paused")
        process.send_signal(signal.SIGCONT)
        becomes(page, "#box-job", "ok", seconds=8)


@contextmanager
def again_afterwards(served: Served) -> Generator[None, None, None]:
    """The server runs after the block, whatever was done to it."""
    try:
        yield
    finally:
        if served.program.process.poll() is None:
            served.signal(signal.SIGCONT)
        else:
            served.start()


def test_a_page_server_that_is_paused_or_killed_is_down_within_five_seconds(
    look: Look, served: Served
) -> None:
    page = look()
    becomes(page, "#connection", "ok", seconds=3)
    with again_afterwards(served):
        served.signal(signal.SIGSTOP)
        becomes(page, "#connection", "down", seconds=5)
        assert page.locator("#box-job").get_attribute("data-state") == "unknown"
    becomes(page, "#connection", "ok", seconds=20)
    says_no_more(page, "#box-job summary", "unknown", seconds=10)
    with again_afterwards(served):
        served.program.kill()
        becomes(page, "#connection", "down", seconds=5)
        says(page, "#connection", "no word from the page's server")
    becomes(page, "#connection", "ok", seconds=30)


def test_a_phone_needs_no_sideways_scrolling(look: Look) -> None:
    page = look()
    for width in (360, 390, 768):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_is_enough(look: Look) -> None:
    page = look()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.locator("#find").focus()
    page.keyboard.type("MSF")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent").startswith("MSFT")
    page.keyboard.press("Enter")
    says(page, "#symbol", "MSFT")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.locator("[data-view=day]").focus()
    page.keyboard.press("Space")
    assert page.locator("[data-view=day]").get_attribute("aria-pressed") == "true"


def test_a_symbol_that_nobody_knows_is_said(look: Look) -> None:
    page = look()
    page.locator("#find").fill("NOSUCH")
    page.keyboard.press("Enter")
    says(page, "#find-says", "no instrument is called NOSUCH")


def test_a_bar_is_explained_as_the_command_explains_it(look: Look) -> None:
    page = look()
    page.locator("#bar a").click()
    says(page, "#says", "working it out")
    says_no_more(page, "#says", "working it out", seconds=60)
    assert text(page, "#text").startswith("AAPL 2026-11-24T14:")
