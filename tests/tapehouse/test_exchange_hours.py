"""When an exchange trades, by literal times."""

from datetime import UTC, datetime

import pytest

from tapehouse.exchange_hours import closes_at, is_open


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "moment", "closes"),
    [
        ("XNAS", "2026-11-25T20:59:59", "2026-11-25T21:00:00"),
        ("XNAS", "2026-11-25T21:00:00", None),
        ("XNAS", "2026-11-26T18:00:00", None),  # Thanksgiving
        ("XNAS", "2026-11-27T17:59:00", "2026-11-27T18:00:00"),  # the half day after it
        ("XNAS", "2026-11-27T18:30:00", None),
        ("XNAS", "2026-11-28T17:00:00", None),  # a Saturday
        ("XNAS", "2026-07-01T19:59:00", "2026-07-01T20:00:00"),  # summer time
        ("XLON", "2026-11-25T08:00:00", "2026-11-25T16:30:00"),
        ("XHKG", "2026-11-25T04:30:00", "2026-11-25T08:00:00"),  # at lunch
        ("24/7", "2026-11-28T23:59:59", "2026-11-29T00:00:00"),
    ],
)
def test_a_session_is_on_until_it_closes(calendar: str, moment: str, closes: str | None) -> None:
    assert is_open(calendar, at(moment)) is (closes is not None)
    if closes is not None:
        assert closes_at(calendar, at(moment)) == at(closes)
