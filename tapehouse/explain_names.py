"""What `tapehouse explain` is asked about: a day or a minute, and the instrument that a name means then."""

import difflib
from datetime import UTC, date, datetime
from typing import NamedTuple

from jobs.lake.errors import UsageError
from jobs.lake.instruments import Instruments, Listing
from jobs.lake.sessions import time_zone
from tapehouse.explain_lake import Lake
from tapehouse.symbols import identify

# of what is provisional no venue is known: it is judged by this one's days
CALENDAR = "XNYS"


class Meant(NamedTuple):
    """An instrument, and what it was called on a day; of a provisional one only what its source calls it is known."""

    instrument_id: str
    symbol: str
    spellings: frozenset[str]  # of all times, in capitals
    calendar: str
    zone: str
    note: str = ""


def read_when(written: str, *, now: datetime) -> date | datetime:
    """A day, or the left edge of a minute in UTC."""
    try:
        if "T" not in written.upper() and " " not in written:
            day = date.fromisoformat(written)
            _refuse_future(written, is_future=day > now.date())
            return day
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise UsageError(
            "neither a day nor a minute",
            found=written,
            remedy="write 2014-06-09, or 2023-09-05T15:30Z",
        ) from None
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    _refuse_future(written, is_future=moment > now)
    return moment.replace(second=0, microsecond=0)


def _refuse_future(written: str, *, is_future: bool) -> None:
    if is_future:
        raise UsageError("nothing is known of the future", found=written, remedy="ask for what has been")


def find_instrument(name: str, instruments: Instruments, lake: Lake, *, day: date) -> Meant:
    """The instrument of an id, a provisional id, or a symbol as it was understood on a day."""
    known = instruments.listings
    ids = {listing.instrument_id for listing in known}
    if name in ids:
        return _meant(name, name, known, day)
    provisional = _provisional(name, lake)
    if ":" in name:
        if name in provisional:
            return _of_source(name)
        raise UsageError(
            f"no instrument is called {name}",
            found=_near(name, lake),
            remedy="write one of these, or a symbol",
        )
    try:
        (instrument,) = identify([name], known, day=day)
    except UsageError as error:
        if len(provisional) == 1:
            (one,) = provisional
            return _of_source(one, f"{name} is provisional: {one}")
        if provisional:
            raise UsageError(
                f"{name} means several instruments", found=", ".join(provisional), remedy="write one of these"
            ) from None
        raise error
    return _meant(instrument, name, known, day)


def _of_source(instrument: str, note: str = "") -> Meant:
    symbol = instrument.partition(":")[2]
    return Meant(instrument, symbol, frozenset({symbol.upper()}), CALENDAR, time_zone(CALENDAR), note)


def _meant(instrument: str, name: str, known: list[Listing], day: date) -> Meant:
    own = [listing for listing in known if listing.instrument_id == instrument]
    then = [listing for listing in own if listing.listed_from <= day < listing.listed_to]
    called = {text for listing in own for text in (listing.symbol.upper(), listing.listed_symbol.upper())}
    symbol = then[0].symbol if then else own[-1].symbol
    now = {
        text for one in then for text in (one.symbol.upper(), one.listed_symbol.upper(), instrument.upper())
    }
    note = ""
    if not then:
        first = min(listing.listed_from for listing in own)
        note = f"{instrument} is listed from {first} on in conf/instruments.yaml, not on {day}"
    elif name.upper() not in now:
        note = f"{name} was called {symbol} on {day}"
    venue = (then or own)[-1]
    return Meant(instrument, symbol, frozenset(called), venue.calendar, venue.tz, note)


def _provisional(name: str, lake: Lake) -> list[str]:
    """The provisional instruments that have this id, or this symbol."""
    found = lake.rows(
        "silver.bars_1d",
        "instrument_id = ? OR (symbol = ? AND instrument_id = source || ':' || symbol) ORDER BY 1",
        name,
        name,
        columns="DISTINCT instrument_id",
    )
    return [row["instrument_id"] for row in found]


def _near(name: str, lake: Lake) -> str:
    rows = lake.rows("silver.bars_1d", "contains(instrument_id, ':')", columns="DISTINCT instrument_id")
    near = difflib.get_close_matches(name, [row["instrument_id"] for row in rows], n=3, cutoff=0.5)
    return f"near it: {', '.join(near)}" if near else "nothing near it"
