"""gold.indicators_1d by its job: in one run or in ten, after a correction, after a split, from files on."""

import itertools
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.daily_build import build_daily
from jobs.lake.errors import NoDataError
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from jobs.lake.history_tables import GOLD_ADJUSTED_BARS_1D
from jobs.lake.indicators_daily import compute_indicators
from jobs.lake.settle import Settled
from tapehouse.delta import open_table
from tests.jobs.raw_history import bar, fetched, split
from tests.published_bars import Bar, adjusted, assert_as_talib, published
from tests.stack import Stack

pytestmark = pytest.mark.longest

TABLE = "gold.indicators_1d"
SPAN = (date(2000, 1, 1), date(2014, 1, 1))
Rows = list[dict[str, Any]]


def run(stack: Stack, job: Callable[..., Any], **options: Any) -> Any:
    return job(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **options)


def computed(stack: Stack, first: date, last: date) -> Settled:
    done = run(stack, compute_indicators, first=first, last=last)
    assert isinstance(done, Settled)
    return done


def served(stack: Stack, bars: Sequence[Bar]) -> None:
    """gold.adjusted_bars_1d holds these, and no others."""
    path = GOLD_ADJUSTED_BARS_1D.path(stack.settings)
    adjusted(stack.spark, bars).write.format("delta").mode("overwrite").save(path)


def rows_of(stack: Stack) -> Rows:
    table = open_table(TABLE, stack.settings).to_pyarrow_table()
    rows: Rows = table.sort_by([("instrument_id", "ascending"), ("session", "ascending")]).to_pylist()
    return rows


def without_revision(rows: Rows) -> Rows:
    return [{name: value for name, value in row.items() if name != "revision"} for row in rows]


def test_ten_runs_and_a_correction_make_what_one_run_makes(
    new_stack: Callable[[], Stack], market_data: Path, compiled: None
) -> None:
    del compiled
    bars = published(market_data)
    sessions = sorted({bar.session for bar in bars})
    ten = new_stack()
    cuts = [SPAN[0], *[sessions[len(sessions) * n // 10] for n in range(1, 10)], SPAN[1]]
    for n, (first, last) in enumerate(itertools.pairwise(cuts)):
        served(ten, [bar for bar in bars if bar.session < last])
        done = computed(ten, first, last)
        assert (done.inserted, done.updated, done.deleted) == (654, 0, 0), n
    rows = rows_of(ten)
    assert_as_talib(rows, bars)
    assert {row["revision"] for row in rows} == {0}
    again = computed(ten, *SPAN)
    assert (again.untouched, again.version) == (len(bars), None)
    # one bar is corrected; the run is not given its session
    place = 1200
    corrected = list(bars)
    corrected[place] = bars[place]._replace(high=Decimal(500), close=Decimal(499))
    served(ten, corrected)
    done = computed(ten, *(date(2013, 3, day) for day in (1, 2)))
    after = rows_of(ten)
    assert_as_talib(after, corrected)
    changed = [number for number, (one, other) in enumerate(zip(rows, after, strict=True)) if one != other]
    assert changed[:200] == list(range(place, place + 200))
    assert all(row["instrument_id"] == "AAPL" for row in map(after.__getitem__, changed))
    assert {after[number]["revision"] for number in changed} == {1}
    assert (done.inserted, done.updated, done.deleted) == (0, len(changed), 0)
    # a high alone: what it moves dies away, and no row behind that is touched
    corrected[place] = corrected[place]._replace(high=Decimal(600))
    served(ten, corrected)
    computed(ten, *(date(2013, 3, day) for day in (1, 2)))
    before, after = after, rows_of(ten)
    moved = [
        number
        for number, (was, now) in enumerate(zip(*map(without_revision, (before, after)), strict=True))
        if was != now
    ]
    assert (moved[0], moved[-1] < place + 600) == (place, True)
    assert all(after[number]["revision"] == before[number]["revision"] + 1 for number in moved)
    assert [number for number in range(len(after)) if after[number] != before[number]] == moved
    assert {name for n in moved for name in after[n] if after[n][name] != before[n][name]} == {
        *("high", "atr_14", "revision"),
    }
    one = new_stack()
    served(one, corrected)
    computed(one, *SPAN)
    assert without_revision(rows_of(one)) == without_revision(after)
    # a range in which nothing is, and an instrument that is there no more
    served(one, [bar for bar in corrected if bar.instrument_id == "MSFT"])
    gone = computed(one, date(1990, 1, 1), date(1990, 1, 2))
    assert (gone.deleted, gone.untouched) == (3270, 0)
    assert rows_of(one) == [row for row in rows if row["instrument_id"] == "MSFT"]


def test_from_the_vendors_files_on_a_split_scales_all_that_was_before_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, compiled: None
) -> None:
    del compiled
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    with pytest.raises(NoDataError, match="no adjusted prices"):
        computed(stack, *SPAN)
    days = [day for n in range(60) if (day := date(2026, 1, 5) + timedelta(n)).weekday() < 5][:30]
    told = [bar(str(day), 100.0 + n, 1000) for n, day in enumerate(days)]
    covers = ("2026-01-05", "2026-04-01")
    fetched("actions", at="2026-04-01T22:00", covers=covers)
    fetched("bars_1d", *told, at="2026-04-01T22:01", covers=covers)
    span = {"first": date(2026, 1, 1), "last": date(2026, 4, 1)}

    def run_all(first: date, last: date) -> Settled:
        run(stack, load_history)
        run(stack, build_daily, **span)
        run(stack, adjust_prices, **span)
        return computed(stack, first, last)

    first = run_all(**span)
    before = rows_of(stack)
    assert (first.inserted, len(before)) == (len(before), len(before))
    assert len(before) > 20
    halves = [bar(str(day), (100.0 + n) / 2, 2000) for n, day in enumerate(days)]
    fetched("actions", split("2026-04-02", 2), at="2026-04-02T22:00", covers=("2026-01-05", "2026-04-03"))
    fetched("bars_1d", *halves, at="2026-04-02T22:01", covers=("2026-01-05", "2026-04-03"))
    done = run_all(first=date(2026, 4, 2), last=date(2026, 4, 3))
    after = rows_of(stack)
    assert (done.updated, done.inserted) == (len(before), 0)
    assert [row["close"] * 2 for row in after] == [row["close"] for row in before]
    assert [row["sma_20"] and row["sma_20"] * 2 for row in after] == [row["sma_20"] for row in before]
    assert [row["rsi_14"] for row in after] == [row["rsi_14"] for row in before]
    assert {row["revision"] for row in after} == {1}
    assert computed(stack, **span).version is None
