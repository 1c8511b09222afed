"""What a run asks for of a range, of which some is there."""

from datetime import UTC, date, datetime, timedelta

import pytest

from producers.raw_store import Kept, Range
from tapehouse.history_plan import still_wanted

# Monday to Friday, four weeks
SESSIONS = [day for n in range(28) if (day := date(2026, 11, 2) + timedelta(n)).weekday() < 5]
ASKED = Range("yahoo", "bars_1d", "MSFT", date(2026, 11, 2), date(2026, 11, 28), zone="America/New_York")


def kept(begin: str, end: str, fetched: str) -> Kept:
    at = datetime.fromisoformat(fetched).replace(tzinfo=UTC)
    return Kept("key", date.fromisoformat(begin), date.fromisoformat(end), at, "r")


@pytest.mark.parametrize(
    ("pairs", "split", "begin"),
    [
        ([], None, "2026-11-02"),
        # the last five sessions again
        ([kept("2026-11-02", "2026-11-28", "2026-11-28T12:00")], None, "2026-11-23"),
        # a hole: from its begin on
        ([kept("2026-11-02", "2026-11-10", "2026-11-28T12:00")], None, "2026-11-10"),
        (
            [
                kept("2026-11-02", "2026-11-10", "2026-11-28T12:00"),
                kept("2026-11-09", "2026-11-28", "2026-11-28T12:00"),
            ],
            None,
            "2026-11-23",
        ),
        # it was asked for more than there was then; in New York it is still the 12th
        ([kept("2026-11-02", "2026-11-28", "2026-11-13T03:00")], None, "2026-11-12"),
        # a split rewrites what was told before, whatever was fetched since
        ([kept("2026-11-02", "2026-11-28", "2026-11-20T12:00")], "2026-11-20", "2026-11-02"),
        (
            [
                kept("2026-11-02", "2026-11-28", "2026-11-20T12:00"),
                kept("2026-11-23", "2026-11-28", "2026-11-27T12:00"),
            ],
            "2026-11-20",
            "2026-11-02",
        ),
        ([kept("2026-11-02", "2026-11-28", "2026-11-28T12:00")], "2026-11-20", "2026-11-23"),
    ],
)
def test_a_run_begins_where_something_may_be_new(pairs: list[Kept], split: str | None, begin: str) -> None:
    after = date.fromisoformat(split) if split else None
    found = still_wanted(ASKED, pairs, sessions=SESSIONS, split_after=after, refresh=False)
    assert found is not None
    assert (str(found.begin), found.end, found.zone) == (begin, ASKED.end, ASKED.zone)


def test_a_range_that_lies_behind_and_is_there_is_not_asked_for() -> None:
    old = Range("yahoo", "bars_1d", "MSFT", date(2026, 11, 2), date(2026, 11, 14), zone="America/New_York")
    pairs = [kept("2026-11-02", "2026-11-14", "2026-11-20T12:00")]
    assert still_wanted(old, pairs, sessions=SESSIONS, split_after=None, refresh=False) is None
    assert still_wanted(old, pairs, sessions=SESSIONS, split_after=None, refresh=True) == old
