"""Which objects of a session are good enough, and which minutes of the stream are missing."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.instruments import read_instruments
from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG, Table
from producers.raw_store import Kept, Range
from tapehouse.missing_minutes import without_complete_bars
from tapehouse.session_plan import AfterClose, Part, find_parts
from tests.check_lake import follow
from tests.stack import Stack

# the half day after Thanksgiving, which ends at 18:00 UTC
HALF_DAY = date(2020, 11, 27)


@pytest.fixture
def lake(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return follow(stack, tmp_path, monkeypatch)


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def part(stack: Stack, interval: str, now: str, *, session: str) -> Part:
    (found,) = find_parts(
        read_instruments(stack.settings.instruments),
        source="yahoo",
        interval=interval,
        session=date.fromisoformat(session),
        now=at(now),
    )
    return found


class Bucket:
    """What is kept of one dataset."""

    def __init__(self, *fetched_at: str) -> None:
        self._kept = [
            Kept(text, date(2020, 11, 20), date(2020, 11, 28), at(text), "r") for text in fetched_at
        ]

    def find(self, asked: Range) -> list[Kept]:
        return self._kept if asked.dataset != "actions" else []


@pytest.mark.parametrize(
    ("interval", "session", "now", "fetched_at", "is_had"),
    [
        # a day needs its close and a quarter of an hour, whatever the time is
        ("1d", "2020-11-25", "2020-11-25T21:30", "2020-11-25T21:14", False),
        ("1d", "2020-11-25", "2020-11-25T21:30", "2020-11-25T21:15", True),
        ("1d", "2020-11-25", "2020-11-25T20:00", "2020-11-25T19:59", False),
        # minutes of a session that goes on are good for half an hour, those of one that is over from its close on
        ("1m", "2020-11-27", "2020-11-27T17:00", "2020-11-27T16:31", True),
        ("1m", "2020-11-27", "2020-11-27T17:00", "2020-11-27T16:29", False),
        ("1m", "2020-11-27", "2020-11-27T18:05", "2020-11-27T17:59", False),
        ("1m", "2020-11-27", "2020-11-30T18:05", "2020-11-27T18:00", True),
    ],
)
def test_an_object_is_good_enough_once_it_can_hold_the_session(
    lake: Stack, interval: str, session: str, now: str, fetched_at: str, is_had: bool
) -> None:
    found = part(lake, interval, now, session=session)
    bucket: Any = Bucket(fetched_at)
    choose = AfterClose([found], interval, bucket, now=at(now))
    asked = Range("yahoo", {"1d": "bars_1d", "1m": "bars_1m"}[interval], "AAPL", found.begin, found.after)
    assert isinstance(choose(asked, bucket.find(asked), found.listing), Kept) is is_had


def streamed(stack: Stack, table: Table, *bars: tuple[str, bool]) -> None:
    """Make a table of the stream with these bars of AAPL, each a minute of the half day and whether it is complete."""
    rows = []
    for number, (clock, is_complete) in enumerate(bars):
        row: dict[str, Any] = {"source": "yahoo", "instrument_id": "us-apple", "session": HALF_DAY}
        row |= {"bar_start": at(f"{HALF_DAY}T{clock}"), "volume_is_complete": is_complete, "sequence": number}
        rows.append(tuple(row.get(name) for name in table.schema.names))
    stack.spark.createDataFrame(rows, table.schema).write.format("delta").save(table.path(stack.settings))


def test_minutes_of_the_stream_are_asked_for_where_no_bar_is_complete(lake: Stack) -> None:
    file = lake.settings.instruments
    file.write_text(file.read_text().replace("dataset: 1m", "dataset: stream"))

    def missing(clock: str) -> set[str]:
        now = f"{HALF_DAY}T{clock}"
        found = part(lake, "1m", now, session=str(HALF_DAY))
        assert found.is_streamed
        return without_complete_bars(lake.settings, [found], source="yahoo", now=at(now))

    assert missing("14:30:59") == set()  # no minute is over
    assert missing("14:31:00") == {"us-apple"}  # a lake without a stream
    streamed(lake, GOLD_BARS_1M, ("14:29:00", False), ("14:30:00", True), ("14:31:00", False))
    streamed(lake, GOLD_BARS_1M_LOG, ("14:31:00", False), ("14:31:00", True))
    assert missing("14:32:30") == set()
    assert missing("14:33:00") == {"us-apple"}
