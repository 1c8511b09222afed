"""The page in a real browser when what it asks for is refused, unknown, or comes late."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from tests.web.browser import becomes, says, says_no_more, text
from tests.web.conftest import Served
from tests.web.lake import PageLake, bar

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

Look = Callable[..., "Page"]


@pytest.mark.long
def test_one_browser_too_many_is_told_so_and_comes_in_when_there_is_room(page: "Page", few: Served) -> None:
    with ExitStack() as others:
        for _ in range(2):
            others.enter_context(urlopen(f"{few.url}/events", timeout=10))
        page.goto(f"{few.url}/?symbol=us-apple", wait_until="domcontentloaded")
        says(page, "#connection", "refuses: too many browsers look at this page", seconds=10)
    becomes(page, "#connection", "ok", seconds=20)


def test_a_name_that_nobody_knows_leaves_the_chart_and_no_bar_is_lost(look: Look, lake: PageLake) -> None:
    page = look("us-microsoft")
    held: list[Route] = []

    def hold(route: "Route") -> None:
        held.append(route)

    page.route("**/bars/NOSUCH*", hold)
    page.locator("#find").fill("NOSUCH")
    with page.expect_request("**/bars/NOSUCH*"):
        page.keyboard.press("Enter")
    lake.commit(bar(2, "14.25", symbol="MSFT"))
    page.wait_for_timeout(1_500)
    held[0].continue_()
    says(page, "#find-says", "no instrument is called NOSUCH")
    says(page, "#price", "14.25")
    assert text(page, "#symbol") == "MSFT"
    assert "symbol=us-microsoft" in page.url


def test_what_nobody_knew_is_shown_once_its_first_bar_comes(
    page: "Page", served: Served, lake: PageLake
) -> None:
    page.goto(f"{served.url}/?symbol=FRESH", wait_until="domcontentloaded")
    says(page, "#find-says", "no instrument is called FRESH", seconds=6)
    lake.commit(bar(0, "12", symbol="FRESH"))
    says(page, "#notes", "1 bars")
    assert text(page, "#symbol") == "FRESH"
    says_no_more(page, "#find-says", "no instrument", seconds=0.5)


def test_bars_that_could_not_be_read_are_read_again_but_not_once_others_are_looked_at(
    page: "Page", look: Look
) -> None:
    page.clock.install()
    look()
    page.route("**/bars/*view=minute*", lambda route: route.fulfill(status=500))
    page.click("[data-view=minute]")
    says(page, "#caption", "not read: the page's server says 500; trying again")
    page.click("[data-view=live]")
    says(page, "#caption", "gold.bars_1m")
    page.clock.fast_forward(6_000)
    page.wait_for_timeout(300)
    says(page, "#caption", "gold.bars_1m", seconds=0.1)
    page.click("[data-view=minute]")
    says(page, "#caption", "not read")
    page.unroute("**/bars/*view=minute*")
    page.clock.fast_forward(6_000)
    says_no_more(page, "#caption", "not read")
