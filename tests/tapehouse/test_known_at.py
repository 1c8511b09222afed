"""Questions to what was known at a moment: silver's versions, and what gold would have been."""

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from jobs.lake.daily_build import build_daily
from jobs.lake.history_load import load_history
from tapehouse.services.instance import Instance
from tests.jobs.raw_history import bar, dividend, fetched, split
from tests.jobs.test_history_load import captured, days, imported
from tests.stack import Stack, call

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long

WORKING = "working out"
BARS = "SELECT instrument_id, volume FROM {}.bars_1d ORDER BY ALL"
ADJUSTED = (
    "SELECT CAST(close AS INT) AS close, factor FROM gold.adjusted_bars_1d WHERE basis = 'split_adjusted'"
)


@pytest.fixture(scope="module")
def made(services: Instance, spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Two captures, and Apple's bars with a split that is told a day after the first ones; nothing of gold."""
    folder = tmp_path_factory.mktemp("known")
    stack = Stack(services, spark, folder, "known")
    stack.environment["TAPEHOUSE_RAW_URL"] = f"s3://raw/{stack.topic}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.environment.items():
            patch.setenv(name, value)
        imported(
            captured(folder, "03", days("AA 02 9 5", "AA 03 10 100")),
            captured(folder, "04", days("AA 03 10 120", "BB 03 5 7")),
        )
        covers = ("2017-01-03", "2017-01-05")
        fetched("actions", at="2017-01-04T22:00", covers=covers)
        fetched("bars_1d", bar("2017-01-03", 100.0, 10), at="2017-01-04T22:00", covers=covers)
        covers = ("2017-01-03", "2017-01-06")
        told = (split("2017-01-05", 4), dividend("2017-01-04", 1.0))
        fetched("actions", *told, at="2017-01-05T22:00", covers=covers)
        two = (bar("2017-01-03", 25.0, 40), bar("2017-01-05", 26.0, 40))
        fetched("bars_1d", *two, at="2017-01-05T22:00", covers=covers)
        build(stack)
    return stack


@pytest.fixture
def history(made: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tapehouse.known_at.FOLDER", made.folder / "known")
    return made


def build(stack: Stack) -> None:
    how: dict[str, Any] = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    load_history(stack.settings, **how)
    build_daily(stack.settings, first=date(2017, 1, 1), last=date(2017, 2, 1), **how)


def asked(query: str, at: str, *options: str) -> tuple[list[str], str]:
    """The lines of the answer below its header, and what is said beside it."""
    code, out, err = call("sql", query, "--format", "csv", "--known-at", at, *options)
    assert code == 0, err
    return out.splitlines()[1:], err


@pytest.mark.usefixtures("history")
def test_each_moment_shows_what_was_known_then() -> None:
    of_captures = ("--symbols", "pystock:AA,pystock:BB")
    found, said = asked(BARS.format("silver"), "2017-01-03T21:59Z", *of_captures)
    assert found == []
    since = (
        "nothing was known of pystock:AA at 2017-01-03T21:59Z; this lake knows of it from 2017-01-03T22:00Z"
    )
    assert since in said
    assert "pystock:BB" in said
    found, said = asked(BARS.format("silver"), "2017-01-03T22:00Z", *of_captures)
    assert found == ["pystock:AA,5", "pystock:AA,100"]
    assert "of pystock:AA" not in said
    found, _ = asked(BARS.format("gold"), "2017-01-04T22:00Z", *of_captures)
    # the 2nd was a holiday
    assert found == ["pystock:AA,120", "pystock:BB,7"]
    # of all instruments, and without an assumption as with it
    found, _ = asked(BARS.format("gold"), "2017-01-04T22:00")
    assert found == ["pystock:AA,120", "pystock:BB,7", "us-apple,10"]
    found, said = asked(BARS.format("gold"), "2017-01-03T21:00Z", "--assume-known", "close")
    assert found == ["pystock:AA,100", "pystock:BB,7", "us-apple,10"]
    assert "assumed: a first version counts as known from its session's close" in said


def test_adjusted_prices_are_worked_out_once_and_anew_when_the_lake_changed(history: Stack) -> None:
    before, said = asked(ADJUSTED, "2017-01-05T21:59Z", "--symbols", "AAPL")
    assert before == ["100,1.0"]
    assert WORKING in said
    assert "of AAPL 1 of 1 days with actions before 2017-01-05T21:59Z were not known then" in said
    after = asked(f"{ADJUSTED} ORDER BY session", "2017-01-05T22:00Z", "--symbols", "AAPL")[0]
    assert after == ["25,0.25", "26,1.0"]
    again, repeated = asked(ADJUSTED, "2017-01-05T21:59Z", "--symbols", "aapl")
    assert again == before
    assert WORKING not in repeated
    assert "days with actions" in repeated
    covers = ("2017-01-03", "2017-01-05")
    fetched("bars_1d", bar("2017-01-03", 101.0, 10), at="2017-01-04T23:00", covers=covers)
    build(history)
    found, said = asked(ADJUSTED, "2017-01-05T21:59Z", "--symbols", "AAPL")
    assert found == ["101,1.0"]
    assert WORKING in said


def test_a_question_that_cannot_be_answered_says_why(history: Stack) -> None:
    at = ("--known-at", "2017-01-05T22:00Z")
    gold = "select 1 from gold.bars_1d"
    cases: list[tuple[list[str], str]] = [
        ([gold, "--known-at", "soon"], "--known-at is not understood"),
        ([gold, *at, "--as-of", "2017-01-05"], "exclude each other"),
        ([gold, "--symbols", "AAPL"], "--symbols say what --known-at shows"),
        ([gold, *at, "--assume-known", "open"], "invalid choice"),
        ([gold, *at, "--symbols", "AAPX"], "no instrument is called AAPX\nfound: near it: AAPL"),
        ([gold, *at, "--symbols", "pystock:AAA"], "no instrument pystock:AAA\nfound: near it: pystock:AA"),
        ([gold, *at, "--symbols", "pystock:AAPL"], "no instrument pystock:AAPL\nfound: near it: AAPL\n"),
        ([gold, *at, "--symbols", "BB"], "found: provisional in this lake: pystock:BB"),
        ([ADJUSTED, *at], "no --symbols"),
        (["select 1 from gold.bars_1m", *at], "the tables are silver.bars_1d, silver.actions, gold.bars_1d"),
    ]
    for arguments, message in cases:
        code, out, err = call("sql", *arguments)
        assert (code, out) == (2, ""), arguments
        assert message in err
        assert WORKING not in err
    assert history.sql("select 1 from silver.bars_1d")


def test_a_lake_without_history_says_so(stack: Stack) -> None:
    code, _, err = call("sql", "select * from gold.bars_1d", "--known-at", "2017-01-05")
    assert code != 0
    assert "there are no daily bars yet" in err
    assert stack.topic
