"""What should be there by the instruments file: quotes of which source and venue, and the days of an exchange."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from tapehouse.exchange_hours import is_open, recent_sessions
from tapehouse.judgement import OF_DAGS, due_session

if TYPE_CHECKING:
    from jobs.lake.instruments import Instruments


@dataclass(frozen=True)
class Expectations:
    """`quotes` are source and venue of what is followed of the stream, `days` the spans [first, last) of daily bars.

    `problem` says why neither is known.
    """

    calendars: dict[str, str]
    quotes: frozenset[tuple[str, str]] = frozenset()
    days: list[tuple[date, date]] = field(default_factory=list)
    problem: str = ""

    def is_open(self, venue: str, at: datetime) -> bool:
        """Whether the regular session of a venue is on, by the calendar that its listings name."""
        return is_open(self.calendars.get(venue, venue), at)

    def due(self, closed: list[date], at: datetime) -> date | None:
        """The session that daily_close should have brought, of those that it runs for; see `due_session`."""
        return due_session(recent_sessions(OF_DAGS, at), followed=self.days, closed=closed, at=at)


def expectations_of(instruments: "Instruments", day: date) -> Expectations:
    """Those of a day. What is followed and was never listed is no error here: it is told."""
    from jobs.lake.errors import InstrumentsError
    from jobs.lake.trading_hours import days_followed, expected_quotes

    calendars = {one.mic: one.calendar for one in instruments.listings}
    try:
        quotes = frozenset(expected_quotes(day, instruments))
        return Expectations(calendars, quotes, days_followed(instruments, calendar=OF_DAGS))
    except InstrumentsError as error:
        return Expectations(calendars, problem=str(error))
