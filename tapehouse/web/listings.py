"""Which instruments there are and when their exchanges trade: by conf/instruments.yaml, and by the bars themselves."""

import json
import subprocess
import sys
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tapehouse.judgement import TIMED
from tapehouse.paths import ROOT
from tapehouse.web.bars import Named

if TYPE_CHECKING:
    from jobs.lake.instruments import Listing
    from jobs.lake.settings import Settings

UNKNOWN_ZONE = "UTC"
READ_WITHIN, AWAITED_FOR = 60.0, 30.0
READ_AGAIN_AFTER = 24 * 3600.0  # seconds: exchanges announce changes


class Meant(NamedTuple):
    """An instrument, what it is called now, and the calendar that it trades by."""

    instrument_id: str
    symbol: str
    calendar: str
    zone: str


class Calendar(NamedTuple):
    """The sessions of an exchange from 2000 to a year from now, and their edges as Unix times."""

    zone: str
    days: list[str]
    opens: list[int]
    closes: list[int]


class Listings:
    """`look` reads the file again when it has changed, or when a calendar is asked for that is not known."""

    def __init__(self, settings: "Settings") -> None:
        self._file = settings.instruments
        self._read: tuple[int, frozenset[str], int] | None = None
        self._wanted: frozenset[str] = frozenset()
        self._is_there = threading.Event()
        self._listings: list[Listing] = []
        self._calendars: dict[str, Calendar | None] = {}
        self._calendar_of: dict[str, str] = {}  # by venue
        # source and venue of what is followed of the stream, and the spans in which daily bars are
        self.expected: set[tuple[str, str]] = set()
        self.days: list[tuple[date, date]] = []
        self._problem = ""

    def look(self) -> int:
        """How many listings there are; what is followed and cannot be is an error, after they were taken in."""
        from jobs.lake.errors import InstrumentsError

        day = int(datetime.now(UTC).timestamp() // READ_AGAIN_AFTER)
        state = (self._file.stat().st_mtime_ns, self._wanted, day)
        if state != self._read:
            self._take(_ask(str(self._file), *sorted(self._wanted)))
            self._read = state
            self._is_there.set()
        if self._problem:
            raise InstrumentsError(self._problem)
        return len(self._listings)

    def known(self) -> "list[Listing]":
        """The listings, awaited after a start."""
        self._is_there.wait(AWAITED_FOR)
        return self._listings

    def named(self) -> dict[str, tuple[str, str]]:
        """What is listed now: its symbol and venue, by instrument."""
        today = datetime.now(UTC).date()
        listed = [one for one in self.known() if one.listed_from <= today < one.listed_to]
        return {one.instrument_id: (one.symbol, one.mic) for one in listed}

    def find(self, name: str, elsewhere: Iterable[Named], *, day: date | None = None) -> Meant | None:
        """The instrument that an id, a symbol or a vendor's spelling means on a day; None where nobody knows it.

        What is not in the file may be called so by the bars that there are.
        """
        from jobs.lake.errors import UsageError
        from tapehouse.symbols import identify

        known = self.known()
        if any(one.instrument_id == name for one in known):
            return self._meant(name)
        try:
            (instrument,) = identify([name], known, day=day or datetime.now(UTC).date())
        except UsageError:
            wanted = name.upper()
            for one in elsewhere:
                if one.instrument_id == name or one.symbol.upper() == wanted:
                    calendar = self._calendar(one.mic)
                    zone = calendar.zone if calendar else UNKNOWN_ZONE
                    return Meant(one.instrument_id, one.symbol, one.mic, zone)
            return None
        return self._meant(instrument)

    def sessions_between(self, name: str, first: date, last: date) -> list[tuple[str, int, int]]:
        """Each session from first to last with its open and close as Unix times; none of what never closes."""
        calendar = self._calendar(name)
        if calendar is None:
            return []
        begin, end = bisect_left(calendar.days, str(first)), bisect_right(calendar.days, str(last))
        return list(
            zip(calendar.days[begin:end], calendar.opens[begin:end], calendar.closes[begin:end], strict=True)
        )

    def is_open(self, name: str, at: datetime) -> bool:
        """Whether the venue's regular session is on, by the calendar that its listings name, or its own.

        What has no calendar never closes.
        """
        own = self._calendar_of.get(name, name)
        calendar = self._calendar(own)
        if calendar is None:
            # until it was asked for, nothing is made late by it
            return own in self._calendars
        moment = at.timestamp()
        place = bisect_right(calendar.opens, moment) - 1
        return place >= 0 and moment < calendar.closes[place]

    def _calendar(self, name: str) -> Calendar | None:
        if name not in self._calendars:
            self._wanted |= {name}
        return self._calendars.get(name)

    def _meant(self, instrument_id: str) -> Meant:
        own = sorted(
            (one for one in self.known() if one.instrument_id == instrument_id),
            key=lambda one: one.listed_from,
        )
        return Meant(instrument_id, own[-1].symbol, own[-1].calendar, own[-1].tz)

    def _take(self, told: str) -> None:
        from jobs.lake.instruments import Listing

        facts: dict[str, Any] = json.loads(told)
        days = ("listed_from", "listed_to")
        self._listings = [
            Listing(**one | {name: date.fromisoformat(one[name]) for name in days})
            for one in facts["listings"]
        ]
        self._calendar_of = {one.mic: one.calendar for one in self._listings}
        self.expected = {(source, venue) for source, venue in facts["quotes"] if source in TIMED}
        self.days = [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in facts["days"]]
        self._problem = facts["problem"]
        self._calendars = {
            name: Calendar(one["zone"], *map(list, zip(*one["sessions"], strict=True))) if one else None
            for name, one in facts["calendars"].items()
        }


def _ask(*arguments: str) -> str:
    """What the program says that reads the file."""
    from jobs.lake.errors import InstrumentsError

    done = subprocess.run(
        [sys.executable, "-m", "tapehouse.web.facts", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=READ_WITHIN,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise InstrumentsError(
            f"{arguments[0]} cannot be read: {' '.join(last)[:200]}", remedy="see `tapehouse instruments`"
        )
    return done.stdout
