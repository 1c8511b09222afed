"""A split changes minutes that the job was not given, and a job that ended at a write finds them again."""

from datetime import date
from typing import Any

import pytest

from jobs.lake import failpoints
from jobs.lake.history_load import load_history
from jobs.lake.minutes_build import build_minutes
from tests.jobs.raw_history import BARS, fetched, split, stamp
from tests.jobs.test_history_deaths import Died
from tests.stack import Stack

pytestmark = pytest.mark.longest

SERVED = "SELECT CAST(close AS INT) || ' ' || volume AS told FROM gold.minutes ORDER BY bar_start"
VERSIONS = """SELECT split_factor || ' ' || coalesce(known_to::VARCHAR, '') AS told
FROM silver.vendor_bars_1m ORDER BY ALL"""


def minute(day: str, price: int, volume: int) -> str:
    """The first minute of a winter's session."""
    assert BARS.endswith("adjclose")
    return f"{stamp(date.fromisoformat(day))},{price},{price},{price},{price},{volume},"


def test_minutes_before_a_split_are_worked_out_again_whatever_the_range_and_wherever_a_run_ended(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    die_at: list[str] = []

    def reached(place: str) -> None:
        if place in die_at:
            die_at.remove(place)
            raise Died(place)

    monkeypatch.setattr(failpoints, "reached", reached)

    def run(job: Any, **options: Any) -> Any:
        return job(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **options)

    covers = ("2026-01-01", "2026-01-08")
    fetched("actions", split("2026-01-07", 2), at="2026-01-08T22:00", covers=covers)
    told = [minute("2026-01-05", 50, 200), minute("2026-01-07", 52, 200)]
    fetched("bars_1m", *told, at="2026-01-08T22:01", covers=("2026-01-05", "2026-01-08"))
    run(load_history)
    january = {"first": date(2026, 1, 1), "last": date(2026, 2, 1)}
    die_at += ["gold.minutes.after", "silver.vendor_bars_1m.after"]
    for _ in range(2):
        with pytest.raises(Died):
            run(build_minutes, **january)
    run(build_minutes, **january)
    assert [row["told"] for row in stack.sql(SERVED)] == ["100 100", "52 200"]
    # the split is taken back; the range holds no minute
    fetched("actions", at="2026-01-09T21:00", covers=("2026-01-01", "2026-01-09"))
    fetched("actions", split("2026-01-02", 3), at="2026-01-09T22:00", covers=("2026-01-01", "2026-01-09"))
    run(load_history)
    die_at += ["gold.minutes.after", "silver.vendor_bars_1m.asked"]
    empty = {"first": date(2026, 1, 8), "last": date(2026, 1, 9)}
    for _ in range(2):
        with pytest.raises(Died):
            run(build_minutes, **empty)
    run(build_minutes, **empty)
    assert [row["told"] for row in stack.sql(SERVED)] == ["50 200", "52 200"]
    ended = "2026-01-09 22:00:00+00"
    assert [row["told"] for row in stack.sql(VERSIONS)] == ["1.0 ", "1.0 ", f"2.0 {ended}"]
    assert [one.version for one in run(build_minutes, **january)] == [None, None]
