"""All jobs of history in one Spark, and what a vendor tells from its answer to what is served."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.batch import STEPS, run_batch
from jobs.lake.errors import RejectedDataError
from tests.jobs.captured import captured, days, imported
from tests.processes import Program
from tests.stack import Stack, call
from tests.vendors.yahoo_http import YahooServer, chart

pytestmark = [
    pytest.mark.longest,
    pytest.mark.filterwarnings("ignore"),
]  # of yfinance and pandas, about each other
DAYS = [("2026-11-23T14:30", 400.0, 100), ("2026-11-24T14:30", 101.0, 400)]
SPLIT = {
    "splits": {"1795530600": {"date": 1_795_530_600, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}}
}
SERVED = "SELECT session, close, volume FROM gold.{} ORDER BY session"


def batch(stack: Stack) -> dict[str, Any]:
    first, last = date(2017, 1, 1), date(2017, 2, 1)
    how: dict[str, Any] = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    return {done.step: done.outcome for done in run_batch(stack.settings, first=first, last=last, **how)}


def test_steps_follow_each_other_and_the_first_error_ends_them(raw: Stack, tmp_path: Path) -> None:
    imported(captured(tmp_path, "03", days("AA 03 10 100", "BB 03 5 7")))
    done = batch(raw)
    assert list(done) == list(STEPS)
    assert done["load_history"].accepted == 2
    assert {each.table: each.inserted for each in done["adjust_prices"]}["gold.adjusted_bars_1d"] == 8
    again = batch(raw)
    assert again["load_history"].objects == 0
    assert all(each.version is None for step in ("build_daily", "adjust_prices") for each in again[step])
    imported(captured(tmp_path, "04", b""))
    with pytest.raises(RejectedDataError) as refused:
        batch(raw)
    assert refused.value.__notes__[0].startswith("step load_history failed; not run: build_daily, ")
    assert list(batch(raw)) == list(STEPS)


def test_a_backfill_goes_from_the_vendor_to_what_is_served(
    raw: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as Yahoo tells it once the split is known
    told = [("2026-11-23T14:30", 100.0, 400), DAYS[1]]
    with YahooServer({"MSFT": chart("MSFT", told, events=SPLIT)}) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", server.url)
        asked = ("--symbols", "MSFT", "--from", "2026-11-20", "--to", "2026-11-25", "--json")
        program = Program(
            [sys.executable, "-m", "tapehouse", "backfill", *asked],
            log=tmp_path / "backfill.log",
            environment={},
        )
        assert program.ended(seconds=900) == 0, program.last_words
    report = json.loads(program.output[program.output.index("[\n") :])
    assert [step["step"] for step in report] == list(STEPS)
    assert raw.sql(SERVED.format("bars_1d")) == [
        {"session": "2026-11-23", "close": "400.000000000000", "volume": "100"},
        {"session": "2026-11-24", "close": "101.000000000000", "volume": "400"},
    ]
    on_splits = raw.sql(
        "SELECT close FROM gold.adjusted_bars_1d WHERE basis = 'split_adjusted' ORDER BY session"
    )
    assert [row["close"] for row in on_splits] == ["100.000000000000", "101.000000000000"]


def test_wrong_ranges_are_told(raw: Stack) -> None:
    del raw
    code, _, err = call("batch", "--session", "2026-11-24", "--from", "2026-11-23")
    assert (code, "it is not said which sessions" in err) == (2, True)
    code, _, err = call("backfill", "--symbols", "MSFT", "--from", "2026-11-25", "--to", "2026-11-25")
    assert (code, "the range holds no day" in err) == (2, True)
