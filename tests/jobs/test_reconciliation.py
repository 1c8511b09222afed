"""Sources against each other, on the real services, and the list of what is to be looked at."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.lake.errors import NoDataError
from jobs.lake.history_tables import SILVER_VENDOR_BARS_1M
from jobs.lake.reconciliation import reconcile_sources
from jobs.lake.work_list import LOOK, WorkList
from tests.check_lake import FIRST, LAST, done, follow, taken_in, vendor_minute
from tests.jobs.raw_history import bar, fetched
from tests.stack import Stack

pytestmark = pytest.mark.longest


@pytest.fixture
def lake(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return follow(stack, tmp_path, monkeypatch)


def to_look_at(stack: Stack) -> list[str]:
    with closing(WorkList(stack.settings)) as work:
        return sorted(f"{one.work.subject}: {one.work.reason}" for one in work.not_done(LOOK))


def test_sources_that_disagree_are_told_and_to_be_looked_at_until_they_agree(lake: Stack) -> None:
    with pytest.raises(NoDataError, match="no daily bars to compare"):
        done(lake, reconcile_sources, first=FIRST, last=LAST)
    days, covers = ("2020-11-23", "2020-11-24"), (str(FIRST), "2020-11-25")
    of_import = {
        "source": "mine",
        "basis": "raw",
        "columns": "timestamp=timestamp,open=open,high=high,low=low,",
    }
    of_import["columns"] += "close=close,volume=volume"

    def telling(hour: int, second: float) -> None:
        at = f"2020-11-25T{hour}:00"
        fetched("actions", at=at, covers=covers, instrument="us-apple")
        lines = [bar(day, price, 100) for day, price in zip(days, (110.0, second), strict=True)]
        fetched("bars_1d", *lines, at=at, covers=covers, instrument="us-apple")

    telling(21, 115.0)
    third = [*days, "2020-11-25"]
    lines = [bar(day, price, 100) for day, price in zip(third, (110.0, 112.0, 113.0), strict=True)]
    fetched("bars_1d", *lines, at="2020-11-25T22:00", covers=covers, instrument="us-apple", **of_import)
    taken_in(lake)
    # the minutes of a day, one of which is a cent off
    opened = datetime(2020, 11, 23, 14, 30, tzinfo=UTC)
    minutes = [
        vendor_minute(opened + timedelta(minutes=n), FIRST, high="110.01" if n == 7 else "110")
        for n in range(390)
    ]
    lake.spark.createDataFrame(minutes, SILVER_VENDOR_BARS_1M.schema).write.format("delta").save(
        SILVER_VENDOR_BARS_1M.path(lake.settings)
    )
    assert done(lake, reconcile_sources, first=FIRST, last=LAST).inserted == 6
    assert done(lake, reconcile_sources, first=FIRST, last=LAST).version is None
    told = lake.sql(
        "SELECT session, field, other_source, severity, serves FROM gold.discrepancies ORDER BY 1, 2"
    )
    assert [" ".join(row.values()) for row in told] == [
        "2020-11-23 high yahoo 1m warn yahoo",
        *[f"2020-11-24 {field} mine fail yahoo" for field in ("close", "high", "low", "open")],
        "2020-11-25 session mine warn mine",
    ]
    assert to_look_at(lake)[0] == "us-apple 2020-11-24 close yahoo mine: yahoo 115, mine 112"
    assert len(to_look_at(lake)) == 4
    # the vendor corrects itself
    telling(23, 112.0)
    taken_in(lake)
    assert done(lake, reconcile_sources, first=FIRST, last=LAST).deleted == 4
    assert to_look_at(lake) == []
