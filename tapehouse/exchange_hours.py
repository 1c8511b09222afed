"""Whether an exchange trades at a moment."""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any


def is_open(mic: str, at: datetime) -> bool:
    """Whether the venue's regular session is on at `at`; what has no calendar never closes."""
    calendar = _calendar(mic, at.date().toordinal())
    return calendar is None or bool(
        calendar.is_open_on_minute(at.replace(second=0, microsecond=0), ignore_breaks=True)
    )


def recent_sessions(mic: str, at: datetime) -> list[tuple[str, int, int]]:
    """The sessions of the week before `at` and after it, each with its open and close as Unix times."""
    return sessions_in(_calendar(mic, at.date().toordinal()))


def sessions_in(calendar: Any) -> list[tuple[str, int, int]]:
    """All sessions of a calendar, each with its open and close as Unix times."""
    edges = zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
    return [
        (label.date().isoformat(), int(opens.timestamp()), int(closes.timestamp()))
        for label, opens, closes in edges
    ]


def closes_at(mic: str, at: datetime) -> datetime:
    """The end of the regular session that is on at `at`; of what never closes, the end of the UTC date."""
    calendar = _calendar(mic, at.date().toordinal())
    if calendar is None:
        return datetime.combine(at.date() + timedelta(1), time(), UTC)
    session = calendar.minute_to_session(at.replace(second=0, microsecond=0))
    closes: datetime = calendar.session_close(session).to_pydatetime()
    return closes


@lru_cache(maxsize=64)  # a program that runs for weeks meets a new day each day
def _calendar(mic: str, day: int) -> Any:
    import exchange_calendars

    today = datetime.fromordinal(day)
    try:
        return exchange_calendars.get_calendar(mic, start=today - timedelta(7), end=today + timedelta(7))
    except exchange_calendars.errors.InvalidCalendarName:
        return None
