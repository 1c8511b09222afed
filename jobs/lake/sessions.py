"""Exchange sessions, from exchange_calendars: when quotes of a day may come, and when the exchange opens."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jobs.lake.errors import InstrumentsError

ALWAYS_OPEN = "24/7"
FIRST_QUOTE, LAST_QUOTE, LAST_QUOTE_OF_A_HALF_DAY = time(4), time(20), time(17)
OLDEST = date(2000, 1, 1)
LAST_KNOWN = 365  # days ahead that a calendar is asked for


class Session(NamedTuple):
    """One exchange session; quotes are expected in [first_quote, last_quote)."""

    session_calendar: str
    session: date
    first_quote: datetime
    session_open: datetime
    last_quote: datetime
    session_close: datetime


class Hours(NamedTuple):
    """When an exchange is open in a session, [session_open, session_close)."""

    calendar: str
    session: date
    session_open: datetime
    session_close: datetime
    is_early_close: bool


def sessions_of(calendars: Iterable[str], *, until: date) -> list[Session]:
    """Every session of the calendars from 2000 to `until`, by the exchange's local date."""
    return [session for name in calendars for session in _sessions(name, until)]


def sessions_for(calendars: Iterable[str]) -> list[Session]:
    """Every session of the calendars until the day after tomorrow: today's, in any time zone, among them."""
    return sessions_of(calendars, until=datetime.now(UTC).date() + timedelta(days=2))


def hours_of(name: str) -> list[Hours]:
    """The hours of every session of a calendar from 2000 on, as far as it is known: for a year from now."""
    if name == ALWAYS_OPEN:
        until = date.today() + timedelta(LAST_KNOWN)
        return [Hours(name, s.session, s.session_open, s.last_quote, False) for s in _sessions(name, until)]
    calendar = exchange_calendar(name)
    half_days = set(calendar.early_closes)
    return [
        Hours(name, label.date(), opens.to_pydatetime(), closes.to_pydatetime(), label in half_days)
        for label, opens, closes in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True)
    ]


@cache
def time_zone(calendar: str) -> str:
    """The time zone of a calendar, an IANA name."""
    return "UTC" if calendar == ALWAYS_OPEN else str(exchange_calendar(calendar).tz)


@cache
def _sessions(name: str, until: date) -> list[Session]:
    if name == ALWAYS_OPEN:
        days = [OLDEST + timedelta(n) for n in range((until - OLDEST).days + 1)]
        edges = [(_utc(day), _utc(day + timedelta(1))) for day in days]
        return [Session(name, begin.date(), begin, begin, end, end) for begin, end in edges]
    calendar = exchange_calendar(name)
    zone = ZoneInfo(time_zone(name))
    half_days = {stamp.date() for stamp in calendar.early_closes}
    found = []
    for label, opens, closes in zip(calendar.sessions, calendar.opens, calendar.closes, strict=True):
        day = label.date()
        if day > until:
            break
        end = LAST_QUOTE_OF_A_HALF_DAY if day in half_days else LAST_QUOTE
        first, last = (datetime.combine(day, t, zone).astimezone(UTC) for t in (FIRST_QUOTE, end))
        found.append(
            Session(
                name,
                day,
                first,
                opens.to_pydatetime(),
                last,
                closes.to_pydatetime(),
            )
        )
    return found


@cache
def exchange_calendar(name: str) -> Any:
    import exchange_calendars

    try:
        return exchange_calendars.get_calendar(
            name, start=str(OLDEST), end=str(date.today() + timedelta(LAST_KNOWN))
        )
    except exchange_calendars.errors.InvalidCalendarName as error:
        raise InstrumentsError(
            f"there is no exchange calendar {name}",
            found=str(error),
            remedy="name a MIC such as XNAS, or 24/7",
        ) from error


def _utc(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
