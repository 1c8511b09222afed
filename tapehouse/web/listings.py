"""Which instruments there are and when their exchanges trade: by conf/instruments.yaml, and by the bars themselves."""

import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from tapehouse.web.bars import Named

if TYPE_CHECKING:
    from jobs.lake.instruments import Listing
    from jobs.lake.settings import Settings

UNKNOWN_ZONE = "UTC"


class Meant(NamedTuple):
    """An instrument, what it is called now, and the calendar that it trades by."""

    instrument_id: str
    symbol: str
    calendar: str
    zone: str


class Listings:
    """The file is read again when it has changed."""

    def __init__(self, settings: "Settings") -> None:
        self._file = settings.instruments
        self._lock, self._read_at = threading.Lock(), -1
        self._listings: list[Listing] = []

    def known(self) -> "list[Listing]":
        from jobs.lake.instruments import read_instruments

        with self._lock:
            changed_at = self._file.stat().st_mtime_ns
            if changed_at != self._read_at:
                self._listings, self._read_at = read_instruments(self._file).listings, changed_at
            return self._listings

    def named(self) -> dict[str, tuple[str, str]]:
        """What is listed now: its symbol and venue, by instrument."""
        today = datetime.now(UTC).date()
        listed = [one for one in self.known() if one.listed_from <= today < one.listed_to]
        return {one.instrument_id: (one.symbol, one.mic) for one in listed}

    def find(self, name: str, elsewhere: Iterable[Named]) -> Meant | None:
        """The instrument that an id, a symbol or a vendor's spelling means; None where nobody knows it.

        What is not in the file may be called so by the bars that there are.
        """
        from jobs.lake.errors import UsageError
        from tapehouse.symbols import identify

        known = self.known()
        if any(one.instrument_id == name for one in known):
            return self._meant(name)
        try:
            (instrument,) = identify([name], known, day=datetime.now(UTC).date())
        except UsageError:
            wanted = name.upper()
            for one in elsewhere:
                if one.instrument_id == name or one.symbol.upper() == wanted:
                    return Meant(one.instrument_id, one.symbol, one.mic, zone_of(one.mic))
            return None
        return self._meant(instrument)

    def _meant(self, instrument_id: str) -> Meant:
        own = sorted(
            (one for one in self.known() if one.instrument_id == instrument_id),
            key=lambda one: one.listed_from,
        )
        return Meant(instrument_id, own[-1].symbol, own[-1].calendar, own[-1].tz)


def zone_of(calendar: str) -> str:
    """The time zone of an exchange, UTC where no calendar knows it."""
    from jobs.lake.errors import InstrumentsError
    from jobs.lake.sessions import time_zone

    try:
        return time_zone(calendar)
    except InstrumentsError:
        return UNKNOWN_ZONE


def sessions_between(calendar: str, first: date, last: date) -> list[tuple[str, int, int]]:
    """Each session of [first, last] with its open and close as Unix times; none of what never closes."""
    from jobs.lake.errors import InstrumentsError
    from jobs.lake.sessions import ALWAYS_OPEN, exchange_calendar

    if calendar == ALWAYS_OPEN:
        return []
    try:
        schedule = exchange_calendar(calendar).schedule.loc[str(first) : str(last)]
    except InstrumentsError:
        return []
    return [
        (label.date().isoformat(), int(opens.timestamp()), int(closes.timestamp()))
        for label, opens, closes in zip(schedule.index, schedule["open"], schedule["close"], strict=True)
    ]
