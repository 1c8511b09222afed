"""A split that its vendor takes back: from then on as if it had never been, and asked as known before it is there."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from jobs.lake.daily_build import build_daily
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from jobs.lake.indicators_daily import compute_indicators
from tests.jobs.raw_history import bar, dividend, fetched, split
from tests.stack import Stack
from tests.tapehouse.test_known_at import asked

pytestmark = pytest.mark.longest

COVERS = ("2017-01-03", "2017-01-06")
ADJUSTED = """SELECT session, basis, close, volume, factor, volume_factor FROM gold.adjusted_bars_1d
WHERE basis <> 'raw' ORDER BY ALL"""
INDICATORS = "SELECT session, close, log_return FROM gold.indicators_1d ORDER BY ALL"
ACTIONS = "SELECT ex_date, kind, ratio FROM gold.actions ORDER BY ALL"
TABLES = (ADJUSTED, INDICATORS, ACTIONS)


def told(at: str, *bars: str, actions: tuple[str, ...]) -> None:
    fetched("actions", *actions, at=at, covers=COVERS)
    fetched("bars_1d", *bars, at=at, covers=COVERS)


def worked_through(stack: Stack) -> None:
    how: dict[str, Any] = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    load_history(stack.settings, **how)
    for job in (build_daily, adjust_prices, compute_indicators):
        job(stack.settings, first=date(2017, 1, 1), last=date(2017, 2, 1), **how)


def test_a_withdrawn_split_is_gone_from_then_on_and_still_there_as_known_before(
    new_stack: Callable[[], Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    never = (bar("2017-01-03", 100.0, 10), bar("2017-01-05", 104.0, 10))
    stack = new_stack()
    monkeypatch.setattr("tapehouse.known_at.FOLDER", stack.folder / "known")
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    adjusted = (bar("2017-01-03", 25.0, 40), bar("2017-01-05", 26.0, 40))
    # as Yahoo tells amounts before a split
    with_split = (dividend("2017-01-04", 0.25), split("2017-01-05", 4))
    without = (dividend("2017-01-04", 1.0),)
    told("2017-01-05T22:00", *adjusted, actions=with_split)
    worked_through(stack)
    split_is_there = [stack.sql(query) for query in TABLES]
    told("2017-01-06T22:00", *never, actions=without)
    worked_through(stack)
    now = [stack.sql(query) for query in TABLES]
    at_that_time = [asked(query, "2017-01-06T21:59Z", "--symbols", "AAPL")[0] for query in TABLES]
    other = new_stack()
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{other.topic}")
    told("2017-01-06T22:00", *never, actions=without)
    worked_through(other)
    assert now == [other.sql(query) for query in TABLES]
    assert [len(rows) for rows in now] == [6, 2, 1]
    assert at_that_time == [[",".join(row.values()) for row in rows] for rows in split_is_there]
    assert [len(rows) for rows in split_is_there] == [6, 2, 2]
    assert split_is_there[0] != now[0]
