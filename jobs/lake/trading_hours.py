"""The regular hours of exchange sessions, and the datasets that are expected in them."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from functools import cache
from typing import NamedTuple

from jobs.lake.errors import InstrumentsError
from jobs.lake.instruments import Instruments
from jobs.lake.sessions import ALWAYS_OPEN, exchange_calendar, sessions_of


class Hours(NamedTuple):
    """A part of a session in which it is traded, [opens, closes): two parts where there is a lunch break."""

    calendar: str
    session: date
    opens: datetime
    closes: datetime


class Expected(NamedTuple):
    """A dataset of an instrument that is followed while it is listed at the source, [followed_from, followed_to)."""

    source: str
    instrument_id: str
    dataset: str
    calendar: str
    followed_from: date
    followed_to: date


def hours_of(calendars: Iterable[str], *, first: date, last: date, over_by: datetime) -> list[Hours]:
    """The hours of the sessions of [first, last) that are over by a moment; none are known before 2000."""
    found = []
    for name in calendars:
        of_session: dict[date, list[Hours]] = {}
        for part in _hours(name, last):
            if first <= part.session < last:
                of_session.setdefault(part.session, []).append(part)
        found += [part for parts in of_session.values() if parts[-1].closes <= over_by for part in parts]
    return found


def expected_of(instruments: Instruments) -> list[Expected]:
    """What is followed, cut to the listings of its source, whose calendars say when it is traded.

    What is followed and never listed there would be complete without a bar: it is an error.
    """
    found = {
        Expected(
            one.source,
            one.instrument_id,
            one.dataset,
            listing.calendar,
            max(one.begin, listing.listed_from),
            min(one.end, listing.listed_to),
        )
        for one in instruments.followed
        for listing in instruments.listings
        if (listing.instrument_id, listing.vendor) == (one.instrument_id, one.source)
        and max(one.begin, listing.listed_from) < min(one.end, listing.listed_to)
    }
    listed = {(one.source, one.instrument_id, one.dataset) for one in found}
    for one in instruments.followed:
        if (one.source, one.instrument_id, one.dataset) not in listed:
            raise InstrumentsError(
                f"{one.instrument_id} is followed by {one.source} {one.dataset}, which never listed it then",
                found=f"from {one.begin} to {one.end}",
                remedy="give it a listing with that vendor's symbol in the instruments file, or unfollow it",
            )
    return sorted(found)


def expected_on(day: date, instruments: Instruments, *, datasets: Collection[str]) -> list[Expected]:
    """What is followed of some datasets on a day."""
    return [
        one
        for one in expected_of(instruments)
        if one.dataset in datasets and one.followed_from <= day < one.followed_to
    ]


def days_followed(instruments: Instruments, *, calendar: str) -> list[tuple[date, date]]:
    """The spans [first, last) in which daily bars of an exchange are followed; its calendar may have aliases."""
    hours = exchange_calendar(calendar).name
    return sorted({
        (one.followed_from, one.followed_to)
        for one in expected_of(instruments)
        if one.dataset == "1d"
        and one.calendar != ALWAYS_OPEN
        and exchange_calendar(one.calendar).name == hours
    })


def expected_quotes(day: date, instruments: Instruments) -> set[tuple[str, str]]:
    """Source and venue of what is followed of the stream on a day."""
    followed = {(one.source, one.instrument_id) for one in expected_on(day, instruments, datasets={"stream"})}
    return {
        (one.vendor, one.mic)
        for one in instruments.listings
        if (one.vendor, one.instrument_id) in followed and one.listed_from <= day < one.listed_to
    }


@cache
def _hours(name: str, until: date) -> list[Hours]:
    if name == ALWAYS_OPEN:
        days = sessions_of([name], until=until)
        return [Hours(name, day.session, day.session_open, day.last_quote) for day in days]
    found = []
    schedule = exchange_calendar(name).schedule
    for label, row in zip(schedule.index, schedule.itertuples(index=False), strict=True):
        day = label.date()
        if day >= until:
            break
        edges = [stamp.to_pydatetime().astimezone(UTC) for stamp in row if stamp == stamp]
        # open, the ends of the lunch break where there is one, close
        found += [Hours(name, day, *edges[n : n + 2]) for n in range(0, len(edges), 2)]
    return found
