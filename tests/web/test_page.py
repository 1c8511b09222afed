"""The market in a real browser: what is shown, marked and painted, and how it is used."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.web.browser import becomes, says, says_no_more, text
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
LATER = """async () => { const {setClock} = await import('/static/ages.js');
setInterval(() => setClock(Date.now() / 1000 + 600), 20); }"""
UP, DOWN = "38,166,154", "217,84,79"


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


def test_the_minutes_since_a_live_feed_died_are_a_gap_that_grows(look: Look, lake: PageLake) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=9)
    lake.commit(live_bar(minute, symbol="DEAD"))
    page = look("i-DEAD")
    # of the last two minutes it may be on its way
    assert 6 <= missing(page) <= 8
    page.evaluate(LATER)
    page.locator("#notes", has_text=re.compile(r" 1[678] minutes ")).wait_for(timeout=8_000)


def missing(page: "Page") -> int:
    found = re.fullmatch(r"1 bars · (\d+) minutes without a bar: shaded", text(page, "#notes"))
    assert found is not None
    return int(found[1])


def test_a_symbol_cannot_carry_markup_into_the_page(look: Look, seen: Seen) -> None:
    page = look()
    says(page, "#list", MARKUP)
    page.locator("#list button", has_text="<img").click()
    says(page, "#symbol", MARKUP)
    assert page.locator("img").count() == 0
    assert seen.complaints == []


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
    says_no_more(page, "#says", "working it out", seconds=120)
    assert text(page, "#text").startswith("AAPL 2026-11-24T14:")


def test_an_address_of_a_symbol_that_nobody_knows_shows_the_health(page: "Page", served: Served) -> None:
    page.goto(f"{served.url}/?symbol=NOSUCH", wait_until="domcontentloaded")
    becomes(page, "#connection", "ok", seconds=6)
    says(page, "#find-says", "no instrument is called NOSUCH")
    says(page, "#box-lag", "Kafka lag", seconds=6)
