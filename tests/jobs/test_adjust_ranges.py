"""Daily history served range by range, in whatever order: what a run over everything would serve."""

from datetime import date, timedelta
from typing import Any

import pytest

from jobs.lake.daily_build import build_daily
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from tests.jobs.raw_history import bar, dividend, fetched
from tests.stack import Stack

pytestmark = pytest.mark.longest

FIRST, LAST = date(2026, 1, 1), date(2026, 7, 1)
COVERS = (str(FIRST), str(LAST))
SERVED = "SELECT source, CAST(close AS INT) || ' ' || array_to_string(flags, ' ') AS told FROM gold.bars_1d"


def run(stack: Stack, job: Any, first: date = FIRST, last: date = LAST) -> list[Any]:
    how: dict[str, Any] = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    return list(job(stack.settings, first=first, last=last, **how))


def loaded(stack: Stack) -> None:
    load_history(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False)


def assert_whole(stack: Stack) -> None:
    """A run over everything finds nothing to do."""
    assert [settled for settled in run(stack, adjust_prices) if settled.version is not None] == []


def test_ranges_in_any_order_serve_what_one_run_serves(raw: Stack) -> None:
    # a bar each Wednesday, always the same, and a dividend that nobody paid
    sparse = [date(2026, 1, 7) + timedelta(7 * n) for n in range(25)]
    fetched("actions", dividend(str(sparse[12]), 60.0), at="2026-07-01T21:00", covers=COVERS)
    fetched("bars_1d", *[bar(str(day), 100.0, 10) for day in sparse], at="2026-07-01T22:00", covers=COVERS)
    loaded(raw)
    run(raw, build_daily)
    for first, last in ((sparse[14], LAST), (FIRST, sparse[8]), (sparse[8], sparse[14])):
        run(raw, adjust_prices, first, last)
    assert_whole(raw)
    # another vendor tells some of them, and comes first: a range serves it before the range too
    told = [bar(str(day), 101.0, 10) for day in sparse[:18]]
    fetched(
        "bars_1d",
        *told,
        at="2026-07-02T22:00",
        covers=COVERS,
        source="alpha_vantage",
        basis="raw",
        columns="timestamp=timestamp,open=open,high=high,low=low,close=close,volume=volume",
    )
    loaded(raw)
    run(raw, build_daily)
    run(raw, adjust_prices, sparse[16], sparse[19])
    assert raw.one(f"SELECT count(*) FROM ({SERVED}) WHERE source = 'alpha_vantage'") == "18"
    assert_whole(raw)


def test_a_bar_that_waited_for_its_splits_is_served_by_a_range_beside_it(raw: Stack) -> None:
    days = ("2026-01-05", "2026-01-07")
    told = [bar("2026-01-05", 50.0, 10), bar("2026-01-06", 51.0, 10)]
    fetched("bars_1d", *told, at="2026-01-07T22:01", covers=days)
    loaded(raw)
    run(raw, build_daily)
    run(raw, adjust_prices)
    # that there was no split is an answer that came before, and is loaded after it
    fetched("actions", dividend("2026-01-06", 1.0), at="2026-01-07T22:00", covers=days)
    loaded(raw)
    run(raw, build_daily)
    run(raw, adjust_prices, date(2026, 1, 6), date(2026, 1, 7))
    assert raw.one(f"SELECT count(*) FROM ({SERVED})") == "2"
    assert_whole(raw)
