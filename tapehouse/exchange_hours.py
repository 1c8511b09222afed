"""Whether an exchange trades at a moment."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any


def is_open(mic: str, at: datetime) -> bool:
    """Whether the venue's regular session is on at `at`; what has no calendar never closes."""
    calendar = _calendar(mic, at.date().toordinal())
    return calendar is None or bool(
        calendar.is_open_on_minute(at.replace(second=0, microsecond=0), ignore_breaks=True)
    )


@cache
def _calendar(mic: str, day: int) -> Any:
    import exchange_calendars

    today = datetime.fromordinal(day)
    try:
        return exchange_calendars.get_calendar(mic, start=today - timedelta(7), end=today + timedelta(7))
    except exchange_calendars.errors.InvalidCalendarName:
        return None
