"""What is fetched of one session: the instruments that are followed then, and which objects need no other fetch."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from jobs.lake.errors import NoDataError, UsageError
from jobs.lake.fetches import Task
from jobs.lake.instruments import Instruments, Listing
from jobs.lake.sessions import Session, sessions_of
from jobs.lake.trading_hours import Expected, expected_on
from producers.chart_tables import SETTLES
from producers.errors import ProducerError
from producers.history import ACTIONS, DAILY, MINUTES, Vendor
from producers.raw_store import Kept, Range, RawStore
from tapehouse.fill import newest_listing
from tapehouse.history_plan import CORRECTED_SESSIONS
from transforms.gaps import UNTIMED

DATASETS = {"1d": DAILY, "1m": MINUTES}
YOUNG = timedelta(minutes=30)  # an object of a session that is not over


class Part(NamedTuple):
    """The session of an instrument: `begin` is the first day that is asked for with it, `last_open` the newest one.

    `is_streamed` says that only the stream's minutes are followed.
    """

    listing: Listing
    begin: date
    session: date
    closes: datetime
    last_open: datetime
    is_streamed: bool

    @property
    def after(self) -> date:
        return self.session + timedelta(days=1)


def find_parts(
    instruments: Instruments, *, source: str, interval: str, session: date, now: datetime
) -> list[Part]:
    """What is followed of a source on a session, as far as it has begun; none where nothing is followed then.

    A day that is no session of any of it, or has not begun, is an error.
    """
    served = _followed_as(source, interval)
    followed = [one for one in expected_on(session, instruments, datasets=served) if one.source == source]
    parts = []
    for name in dict.fromkeys(one.instrument_id for one in followed):
        of_it = [one for one in followed if one.instrument_id == name]
        days = sessions_of([of_it[0].calendar], until=max(session, now.date()) + timedelta(days=1))
        listing = newest_listing(instruments.listings, source, name)
        parts += _part(listing, days, of_it, session=session, now=now)
    if followed and not parts:
        calendars = ", ".join(sorted({one.calendar for one in followed}))
        kind = UsageError if session > now.date() else NoDataError
        raise kind(
            f"{session} is no session that has begun",
            found=f"calendars of what is followed: {calendars}; now is {now:%Y-%m-%d %H:%MZ}",
            remedy="name a session of these that has begun",
        )
    return parts


class SessionPlan:
    """The fetches of the parts; what the vendor does not have is `refused`, by its reason."""

    def __init__(self, parts: Sequence[Part], interval: str) -> None:
        self._parts, self._interval = parts, interval
        self.refused: dict[str, list[str]] = {}

    def __call__(self, vendor: Vendor) -> list[Task]:
        tasks: dict[Task, None] = {}  # two parts may ask for the same month
        for part in self._parts:
            symbol = part.listing.listed_symbol
            try:
                pieces = [
                    piece
                    for dataset in vendor.datasets(self._interval)
                    for piece in vendor.pieces(
                        Range(vendor.source, dataset, symbol, part.begin, part.after),
                        today=datetime.now(UTC).date(),
                    )
                ]
            except ProducerError as error:
                self.refused.setdefault(error.what, []).append(symbol)
                continue
            tasks |= dict.fromkeys(Task(one.dataset, one.vendor_symbol, one.begin, one.end) for one in pieces)
        return list(tasks)


class AfterClose:
    """Chooses an object that was fetched after the close and covers the session, instead of another fetch.

    Of a session that is not over minutes are had where they are young. Bars that are asked for now need actions that
    no session has begun since.
    """

    def __init__(self, parts: Iterable[Part], interval: str, store: RawStore, *, now: datetime) -> None:
        self._parts = {part.listing.listed_symbol: part for part in parts}
        self._dataset, self._store, self._now = DATASETS[interval], store, now

    def __call__(self, asked: Range, kept: Sequence[Kept], listing: Listing) -> Range | Kept:
        part = self._parts[listing.listed_symbol]
        begin, since = part.session, self._since(part, asked.dataset)
        if asked.dataset == ACTIONS:
            bars = replace(asked, dataset=self._dataset)
            if not _had(self._store.find(bars), part, begin, self._since(part, self._dataset)):
                begin, since = asked.begin, max(since, part.last_open)
        held = _had(kept, part, begin, since)
        return held[-1] if held else asked

    def _since(self, part: Part, dataset: str) -> datetime:
        """From when on a fetch has all that there is to have."""
        if part.closes > self._now and self._dataset == MINUTES:
            return self._now - YOUNG
        return part.closes + SETTLES if dataset == DAILY else part.closes


def _had(kept: Iterable[Kept], part: Part, begin: date, since: datetime) -> list[Kept]:
    return [
        pair for pair in kept if pair.begin <= begin and part.session < pair.end and pair.fetched_at >= since
    ]


def _followed_as(source: str, interval: str) -> set[str]:
    """The datasets that an interval serves; the quotes of an untimed source make no minutes."""
    if interval == "1m" and source not in UNTIMED:
        return {"1m", "stream"}
    return {interval}


def _part(
    listing: Listing, days: Sequence[Session], followed: Iterable[Expected], *, session: date, now: datetime
) -> list[Part]:
    """The part, if the day is a session of the calendar and has begun."""
    until = [day for day in days if day.session <= session]
    if not until or until[-1].session != session or until[-1].session_open > now:
        return []
    datasets = {one.dataset for one in followed}
    begin = until[-CORRECTED_SESSIONS:][0].session if "1d" in datasets else session
    last_open = max(day.session_open for day in days if day.session_open <= now)
    of_day = until[-1]
    return [
        Part(
            listing,
            begin,
            session,
            of_day.session_close,
            last_open,
            datasets == {"stream"},
        )
    ]
