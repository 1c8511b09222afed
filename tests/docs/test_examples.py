"""The example for analysts: its commands are run as they stand there, and its numbers are those worked out by hand."""

import runpy
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from jobs.lake.batch import STEPS
from tapehouse.paths import ROOT
from tapehouse.services.instance import Instance
from tests.docs.pages import DOCS, blocks
from tests.stack import Stack, call

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long

PAGE = DOCS / "examples" / "README.md"
SCRIPT = DOCS / "examples" / "analyst.py"
ASKED = ("load_history", "build_daily", "adjust_prices", "reconcile_sources")
HOW, ANSWER = blocks(PAGE)[:2]


@pytest.fixture(scope="module")
def lake(services: Instance, spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A lake in which each `tapehouse` command of the page was run."""
    stack = Stack(services, spark, tmp_path_factory.mktemp("examples"), "examples")
    stack.environment["TAPEHOUSE_RAW_URL"] = f"s3://raw/{stack.topic}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        # the run's own Spark instead of another one, and of the jobs those whose tables are asked
        patch.setattr("jobs.lake.batch.OneSpark", lambda *_: lambda: spark)
        patch.setattr("jobs.lake.batch.STEPS", {name: STEPS[name] for name in ASKED})
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        lines = [shlex.split(line) for line in HOW.splitlines() if line.startswith(".venv/bin/tapehouse ")]
        assert [words[1] for words in lines] == ["import", "import", "batch"]
        for words in lines:
            code, out, err = call(*words[1:])
            assert code == 0, out + err
    structlog.reset_defaults()
    return stack


@pytest.fixture
def asked(lake: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in lake.environment.items():
        monkeypatch.setenv(name, value)
    return lake


@pytest.mark.usefixtures("asked")
def test_the_script_prints_what_the_page_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [str(SCRIPT)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert capsys.readouterr().out.strip() == ANSWER.strip()


def rows(title: str) -> dict[str, list[str]]:
    """An answer of the page, its rows by their first column."""
    table = ANSWER.split(title)[1].split("\n\n")[0].splitlines()[2:]
    return {day: cells for day, *cells in (line.split() for line in table)}


def test_the_numbers_of_the_page_are_those_worked_out_by_hand() -> None:
    earned = rows("earned")
    # seven for one: 700 is 100 of today's shares; a dividend of 1 on a close of 100 leaves 0.99 of what was before
    assert earned["2014-06-06"] == ["700", "12", "12", "12"]  # 700 / 625
    assert earned["2014-06-09"] == ["100", "-85.71", "0", "0"]  # 100 / 700, and 100 / 100
    assert earned["2014-06-10"] == ["99", "-1", "-1", "0"]  # 99 / 100, and 99 / 99
    assert earned["2014-06-11"] == ["99", "0", "0", "0"]


def test_the_page_names_the_files_that_there_are() -> None:
    named = {
        Path(word).name for line in HOW.splitlines() for word in shlex.split(line) if word.endswith(".csv")
    }
    assert named == {file.name for file in SCRIPT.parent.glob("*.csv")}
