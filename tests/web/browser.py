"""What tests of the page in a browser ask of it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


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
