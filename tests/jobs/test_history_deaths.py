"""The jobs of price history may end at any of their writes: run again, they make the same tables."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from jobs.lake import failpoints
from jobs.lake.daily_build import build_daily
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from tests.jobs.raw_history import bar, dividend, fetched, split
from tests.stack import Stack

pytestmark = pytest.mark.longest

RANGE = {"first": date(2026, 1, 1), "last": date(2026, 2, 1)}
JOBS: list[tuple[Callable[..., Any], dict[str, date], tuple[str, ...]]] = [
    (load_history, {}, ("silver.history_rejected", "bronze.history")),
    (build_daily, RANGE, ("silver.bars_1d", "silver.actions")),
    (
        adjust_prices,
        RANGE,
        ("gold.bars_1d", "gold.adjusted_bars_1d", "gold.bars_1d_versions", "gold.actions"),
    ),
]
BAD = "soon,1,1,1,1,1,1"
TABLES = [table for _, _, tables in JOBS for table in tables]


class Died(Exception):
    """The job ended here."""


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places at which a job ends, each once."""
    places: list[str] = []

    def reached(place: str) -> None:
        if place in places:
            places.remove(place)
            raise Died(place)

    monkeypatch.setattr(failpoints, "reached", reached)
    return places


def run_all(stack: Stack, die_at: list[str]) -> int:
    """Run each job until it gets through; how often one ended before that."""
    deaths = 0
    for job, options, _ in JOBS:
        for _ in range(10):
            try:
                job(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **options)
                break
            except Died:
                deaths += 1
    assert die_at == []
    return deaths


def content(stack: Stack) -> dict[str, list[dict[str, str]]]:
    return {table: stack.sql(f"SELECT * FROM {table} ORDER BY ALL") for table in TABLES}


def test_a_job_that_ended_at_any_write_is_run_again_and_makes_the_same_tables(
    new_stack: Callable[[], Stack], monkeypatch: pytest.MonkeyPatch, die_at: list[str]
) -> None:
    one = new_stack()
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{one.topic}")
    days = ("2026-01-05", "2026-01-07")
    # enough good lines for the load to be no failure
    good = [bar("2026-01-05", 400.0, 100 + n) for n in range(30)]
    fetched("actions", dividend("2026-01-06", 1.0), at="2026-01-07T22:00", covers=days)
    fetched("bars_1d", *good, bar("2026-01-06", 404.0, 120), BAD, at="2026-01-07T22:01", covers=days)
    # while the tables are made
    die_at += [f"{table}.after" for table in TABLES]
    assert run_all(one, die_at) == len(TABLES)
    # the past is told anew, and otherwise
    days = ("2026-01-05", "2026-01-09")
    good = [bar("2026-01-05", 100.0, 400 + n) for n in range(30)]
    told = (dividend("2026-01-06", 0.25), split("2026-01-08", 4))
    fetched("actions", *told, at="2026-01-09T22:00", covers=days)
    fetched("bars_1d", *good, bar("2026-01-06", 101.5, 480), BAD, at="2026-01-09T22:01", covers=days)
    die_at += [f"{table}.asked" for table in TABLES]
    assert run_all(one, die_at) == len(TABLES)
    disturbed = content(one)
    two = new_stack()
    assert run_all(two, die_at) == 0
    assert content(two) == disturbed
    assert [row["close"] for row in disturbed["gold.bars_1d"]] == ["400.000000000000", "406.000000000000"]


def test_a_split_changes_the_sessions_that_a_job_was_not_given_too(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    days = ("2026-01-01", "2026-01-08")
    fetched(
        "actions", dividend("2026-01-02", 1.0), split("2026-01-07", 2), at="2026-01-08T22:00", covers=days
    )
    told = [bar("2026-01-05", 50.0, 200), bar("2026-01-07", 52.0, 200)]
    fetched("bars_1d", *told, at="2026-01-08T22:01", covers=("2026-01-05", "2026-01-08"))
    run_all(stack, [])
    served = "SELECT CAST(close AS INT) || ' ' || volume AS told FROM gold.{} ORDER BY session"
    assert [row["told"] for row in stack.sql(served.format("bars_1d"))] == ["100 100", "52 200"]
    # the split is taken back, but its bars are not told anew
    covers = ("2026-01-01", "2026-01-09")
    fetched("actions", dividend("2026-01-02", 1.0), at="2026-01-09T22:00", covers=covers)
    how = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    load_history(stack.settings, **how)
    for job in (build_daily, adjust_prices):
        job(stack.settings, first=date(2026, 1, 8), last=date(2026, 1, 10), **how)
    assert [row["told"] for row in stack.sql(served.format("bars_1d"))] == ["50 200", "52 200"]
    adjusted = served.format("adjusted_bars_1d WHERE basis = 'split_adjusted'")
    assert [row["told"] for row in stack.sql(adjusted)] == ["50 200", "52 200"]
    every = "SELECT * FROM {} ORDER BY ALL"
    assert stack.sql(every.format("gold.bars_1d_versions")) == stack.sql(every.format("silver.bars_1d"))


def test_a_bar_gets_the_flags_that_a_later_range_gives_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    days = ("2026-01-12", "2026-01-22")
    fetched("actions", at="2026-01-22T22:00", covers=days)
    # pence, and pounds from the second day on
    prices = {12: 5200.0, 13: 52.0, 14: 52.5, 15: 51.5, 16: 52.0, 20: 52.25, 21: 51.75}
    told = [bar(f"2026-01-{day}", price, 1000 + day) for day, price in prices.items()]
    fetched("bars_1d", *told, at="2026-01-22T22:01", covers=days)
    how: dict[str, Any] = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    load_history(stack.settings, **how)
    served = """SELECT day(session) || ' ' || confidence || ' ' || array_to_string(flags, ' ') AS told
    FROM gold.bars_1d ORDER BY session"""
    for job in (build_daily, adjust_prices):
        job(stack.settings, first=date(2026, 1, 12), last=date(2026, 1, 13), **how)
    assert [row["told"] for row in stack.sql(served)] == ["12 medium "]
    later = {"first": date(2026, 1, 13), "last": date(2026, 2, 1)}
    build_daily(stack.settings, **later, **how)
    bars = adjust_prices(stack.settings, **later, **how)[0]
    assert (bars.inserted, bars.updated) == (6, 1)
    found = [row["told"] for row in stack.sql(served)]
    assert found == ["12 low unit_error", *[f"{day} medium " for day in (13, 14, 15, 16, 20, 21)]]
    assert all(settled.version is None for settled in adjust_prices(stack.settings, **RANGE, **how))
    every = "SELECT * FROM {} ORDER BY ALL"
    assert stack.sql(every.format("gold.bars_1d_versions")) == stack.sql(every.format("silver.bars_1d"))
