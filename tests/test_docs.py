"""What the pages say is what the code does."""

import re
from pathlib import Path

import pytest

from producers.events import Quote, encode
from tapehouse import reference
from tapehouse.cli import COMMANDS
from tapehouse.paths import ROOT
from tests.faults.full import PAGE
from tests.faults.parts import PARTS

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda page: page.name)
def test_a_page_that_follows_from_the_code_is_up_to_date(page: Path) -> None:
    assert page.read_text() == reference.PAGES[page]()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_and_commands_exist(page: Path) -> None:
    text = page.read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / link).exists(), link
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
    for command in re.findall(r"(?:^|`|/)tapehouse ([a-z-]+)", text, re.MULTILINE):
        assert command in COMMANDS, command


def test_the_message_of_the_page_is_what_the_producer_writes() -> None:
    bare = Quote("yahoo", "AAPL", 1, "250", None, None)
    assert encode(bare, receive_time_us=2).decode() in (ROOT / "docs" / "messages.md").read_text()


def test_every_setting_of_the_readme_is_one_that_is_read() -> None:
    from jobs.lake.settings import Settings

    read = {field.alias for field in Settings.model_fields.values()}
    table = (ROOT / "README.md").read_text().split("| setting | meaning |")[1]
    assert set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table.split("\n\n")[0])) == read


def test_each_part_of_prove_full_has_its_place_on_the_page() -> None:
    assert re.findall(r"^<!-- (\w+) -->$", PAGE.read_text(), re.MULTILINE) == list(PARTS)


def test_the_script_for_snowflake_makes_what_the_settings_name() -> None:
    from jobs.lake.settings import Settings

    script = (ROOT / "conf" / "snowflake_setup.sql").read_text()
    for thing in ("role", "warehouse", "database", "schema"):
        name = Settings.model_fields[f"snowflake_{thing}"].default
        assert re.search(rf"CREATE {thing.upper()} IF NOT EXISTS (TAPEHOUSE\.)?{name}\b", script), thing
