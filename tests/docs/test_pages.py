"""What the pages say is there, and is what the code does."""

import html
import re
from pathlib import Path

import pytest

from producers.events import Quote, encode
from tapehouse import reference
from tapehouse.delta import TABLES
from tapehouse.demo_summary import NEXT
from tapehouse.paths import ROOT
from tests.docs.pages import DOCS, PAGES, README, WRITTEN, anchors, prose, title
from tests.faults.full import PAGE
from tests.faults.parts import PARTS
from tests.faults.run import SCENARIOS

# what git ignores, and what is yours
MADE = re.compile(r"docker/(\.env|secrets|tls|trust/NAME)|\.tapehouse|\.venv")
FOLDERS = "|".join(
    re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and not MADE.match(path.name)
)
TESTS = "\n".join(file.read_text() for file in sorted((ROOT / "tests").rglob("test_*.py")))


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda page: page.name)
def test_a_page_that_follows_from_the_code_is_up_to_date(page: Path) -> None:
    assert page.read_text() == reference.PAGES[page]()


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_link_leads_to_a_page_and_to_a_heading_of_it(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_list_of_pages_which_the_readme_names() -> None:
    listed = {
        (DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", (DOCS / "README.md").read_text())
    }
    assert [title(page) for page in DOCS.rglob("*.md") if page not in {*listed, DOCS / "README.md"}] == []
    assert "(docs/README.md)" in README.read_text()


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    for path in re.findall(rf"(?<![\w./-])((?:{FOLDERS})/[\w./*-]*)", page.read_text()):
        assert MADE.match(path) or list(ROOT.glob(path.rstrip("/."))), path


@pytest.mark.parametrize("page", [*WRITTEN, DOCS / "architecture.svg"], ids=title)
def test_a_table_that_a_page_names_is_one(page: Path) -> None:
    named = set(re.findall(r"\b(?:bronze|silver|gold)\.[a-z_0-9]+\b", page.read_text()))
    # of the benches, and what a drawing calls any table
    assert named - {*TABLES, "bronze.plain", "gold.plain_bars"} == set()


@pytest.mark.parametrize("page", WRITTEN, ids=title)
def test_a_test_that_a_page_names_is_one(page: Path) -> None:
    for name in re.findall(r"\b(test_\w+)", page.read_text()):
        assert f"def {name}(" in TESTS or list((ROOT / "tests").rglob(f"{name}.py")), name


def test_the_picture_of_the_demo_ends_as_the_demo_does() -> None:
    shown = html.unescape((DOCS / "demo.svg").read_text()).replace("\xa0", " ")
    assert [command for command in NEXT if command not in shown] == []  # else: python -m tests.demo_picture


def test_each_promise_names_its_fault_and_what_shows_it_and_each_scenario_has_a_promise() -> None:
    table = PAGE.read_text().split("## What is shown\n")[1].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert all(len(row) == 3 and all(row) for row in rows)
    shown = {name for row in rows for name in re.findall(r"`([\w-]+)`", row[2])}
    assert {name for name in shown if not name.startswith(("test_", "cluster", "zookeeper", "minio"))} <= {
        *SCENARIOS
    }
    # `load` is a bench of the whole pace: docs/performance.md
    assert {*SCENARIOS} - shown == {"load"}


def test_each_row_of_the_guarantees_says_by_what_it_is_shown() -> None:
    tables = re.findall(
        r"^\| .* \| (?:scenario or )?test \|\n\|[ -|]+\|\n((?:\|.*\n)+)", PAGE.read_text(), re.MULTILINE
    )
    rows = [row.strip("|").split("|") for table in tables for row in table.splitlines()]
    assert len(tables) == 4
    assert [row for row in rows if len(row) != 3 or not re.search(r"`[^`]+`|the same", row[2])] == []


def test_the_message_of_the_page_is_what_the_producer_writes() -> None:
    bare = Quote("yahoo", "AAPL", 1, "250", None, None)
    assert encode(bare, receive_time_us=2).decode() in (DOCS / "messages.md").read_text()


def test_every_setting_of_the_page_is_one_that_is_read_and_every_one_is_there() -> None:
    from jobs.lake.settings import Settings

    read = {field.alias for field in Settings.model_fields.values()}
    table = (DOCS / "settings.md").read_text().split("| setting | meaning |")[1]
    assert set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table.split("\n\n")[0])) == read


def test_each_part_of_prove_full_has_its_place_on_the_page() -> None:
    assert re.findall(r"^<!-- (\w+) -->$", PAGE.read_text(), re.MULTILINE) == list(PARTS)


def test_the_script_for_snowflake_makes_what_the_settings_name() -> None:
    from jobs.lake.settings import Settings

    script = (ROOT / "conf" / "snowflake_setup.sql").read_text()
    for thing in ("role", "warehouse", "database", "schema"):
        name = Settings.model_fields[f"snowflake_{thing}"].default
        assert re.search(rf"CREATE {thing.upper()} IF NOT EXISTS (TAPEHOUSE\.)?{name}\b", script), thing
