"""Filling gaps: the ledger's open fetches as one bounded request for each source and width."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake.errors import TapehouseError
from jobs.lake.fetches import Fetches, Request, Task
from jobs.lake.instruments import Listing, read_instruments
from jobs.lake.trading_hours import Expected, expected_of
from jobs.lake.work_list import FETCH, MOST_TRIES, Work, WorkList
from producers.errors import ProducerError
from producers.history import ACTIONS, DAILY, MINUTES, Vendor
from producers.raw_store import Range
from tapehouse.history import carry_out, new_id
from transforms.gaps import UNTIMED

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from tapehouse.history_run import Outcome

PURPOSE, LOCK = "fill", "fill"
DATASETS = {"1d": DAILY, "1m": MINUTES}
# sessions so near to each other are asked for together; minutes of at most so many days
NEAR, MOST_MINUTE_DAYS = timedelta(days=7), timedelta(days=7)
# what the budget did not let go out is no try; what the raw bucket had already is one: it is to be loaded
NOT_TRIED = "waiting"


class Filled(NamedTuple):
    """What a fill did: `given_up` and `problems` are sentences, `still_open` the sessions that wait for another one."""

    outcomes: "list[Outcome]"
    given_up: list[str]
    problems: list[str]
    still_open: int

    @property
    def is_whole(self) -> bool:
        return not self.problems and all(outcome.is_there for outcome in self.outcomes)


class Stretch(NamedTuple):
    """Sessions of an instrument that are near to each other, [begin, end), and the work that they are."""

    listing: Listing
    begin: date
    end: date
    work: list[Work]


class Plan:
    """The fetches of a source and a width: at most `most` answers of bars, and the actions that belong to them."""

    def __init__(
        self, interval: str, work: Sequence[Work], listings: Iterable[Listing], *, most: int
    ) -> None:
        self._interval, self._most = interval, most
        self._stretches = list(_stretches(work, list(listings), DATASETS[interval]))
        self.listings = list({one.listing.listed_symbol: one.listing for one in self._stretches}.values())
        self.refused: dict[str, list[Work]] = {}
        self.chosen: dict[Task, list[Work]] = {}

    def __call__(self, vendor: Vendor) -> list[Task]:
        """The tasks; what the vendor does not have is `refused`, by its reason."""
        for stretch in self._stretches:
            self._choose(stretch, vendor)
        return [*self._actions(vendor), *self.chosen]

    def _choose(self, stretch: Stretch, vendor: Vendor) -> None:
        symbol = stretch.listing.listed_symbol
        asked = Range(vendor.source, DATASETS[self._interval], symbol, stretch.begin, stretch.end)
        try:
            pieces = vendor.pieces(asked, today=datetime.now(UTC).date())
        except ProducerError as error:
            if len(stretch.work) == 1:
                self.refused.setdefault(error.what, []).extend(stretch.work)
            else:  # it may have some of it
                for one in stretch.work:
                    self._choose(Stretch(stretch.listing, one.session, _after(one), [one]), vendor)
            return
        for piece in pieces:
            task = Task(piece.dataset, piece.vendor_symbol, piece.begin, piece.end)
            if task in self.chosen or len(self.chosen) < self._most:
                within = [one for one in stretch.work if piece.begin <= one.session < piece.end]
                self.chosen.setdefault(task, []).extend(within)

    def _actions(self, vendor: Vendor) -> list[Task]:
        if ACTIONS not in vendor.datasets(self._interval):
            return []
        first: dict[str, Task] = {}
        for task in sorted(self.chosen, key=lambda task: task.begins):
            first.setdefault(task.vendor_symbol, task._replace(dataset=ACTIONS))
        return list(first.values())


def fill(
    settings: "Settings",
    *,
    first: date,
    last: date,
    instruments: set[str] | None,
    most: int,
    quiet: bool,
) -> Filled:
    """Fetch what is open in the sessions of [first, last), at most `most` answers of bars in all.

    Each session of an answer counts a try, whatever came of it. What the budget refuses waits, without a try.
    """
    filled = Filled([], [], [], 0)
    instruments_file = read_instruments(settings.instruments)
    listings = instruments_file.listings
    followed = expected_of(instruments_file)
    today = datetime.now(UTC).date()
    with closing(WorkList(settings)) as work, closing(Fetches(settings)) as fetches:
        fetches.hold(LOCK)

        def wanted() -> list[Work]:
            found = [one.work for one in work.not_done(FETCH) if one.state == "open"]
            # of today a vendor has not all yet: tomorrow's first answer covers it
            return [
                one
                for one in found
                if first <= one.session < min(last, today)
                and (instruments is None or one.instrument_id in instruments)
                and is_followed(one)
            ]

        def is_followed(one: Work) -> bool:
            """What is followed no longer is asked for no longer, even where nobody has looked again since."""
            return any(
                (of.source, of.instrument_id, _asked_as(of)) == (one.source, one.instrument_id, one.dataset)
                and of.followed_from <= one.session < of.followed_to
                for of in followed
            )

        left = most
        for (source, interval), group in _grouped(wanted()).items():
            if not left:
                break
            plan = Plan(interval, group, listings, most=left)
            # what the bucket has had so far did not help: the last try asks the vendor again
            tries = {one.work.subject: one.tries for one in work.not_done(FETCH)}
            refresh = any(tries.get(one.subject, 0) >= MOST_TRIES - 1 for one in group)
            try:
                outcomes = _ask(source, interval, plan, fetches, settings, refresh=refresh, quiet=quiet)
            except (TapehouseError, ProducerError) as error:  # another source may still be asked
                filled.problems.append(f"{source}: {' '.join(str(error).split())}")
                filled.given_up.extend(_note(work, plan, []))
                left -= len(plan.chosen)
                continue
            left -= len(plan.chosen)
            filled.outcomes.extend(outcomes)
            filled.given_up.extend(_note(work, plan, outcomes))
        return filled._replace(still_open=len(wanted()))


def _ask(
    source: str,
    interval: str,
    plan: Plan,
    fetches: Fetches,
    settings: "Settings",
    *,
    refresh: bool,
    quiet: bool,
) -> "list[Outcome]":
    """One request, which is finished with this: what is left of it stays in the list of work."""
    options = {
        "interval": interval,
        "symbols": [listing.listed_symbol for listing in plan.listings],
        "refresh": refresh,
        "purpose": PURPOSE,
    }
    request = Request(new_id(), source, options)
    fetches.hold(request.request_id)
    try:
        return carry_out(request, plan, plan.listings, fetches, settings, quiet=quiet)
    finally:
        fetches.finish(request.request_id)


def _note(work: WorkList, plan: Plan, outcomes: "Iterable[Outcome]") -> list[str]:
    """Count the tries, and give up what no try can do; what was given up, in sentences."""
    asked = [
        one.subject
        for outcome in outcomes
        if outcome.state != NOT_TRIED
        for one in plan.chosen.get(outcome.task, [])
    ]
    work.tried(FETCH, asked)
    for reason, refused in plan.refused.items():
        work.give_up(FETCH, [one.subject for one in refused], reason=reason)
    told = [
        f"given up: {one.subject}, {reason}" for reason, refused in plan.refused.items() for one in refused
    ]
    ended = {one.work.subject for one in work.not_done(FETCH) if one.state == "given_up"}
    return told + [f"given up: {subject}, tried {MOST_TRIES} times" for subject in asked if subject in ended]


def _asked_as(one: Expected) -> str:
    """What a vendor is asked for to fill it."""
    by_minute = one.dataset == "1m" or (one.dataset == "stream" and one.source not in UNTIMED)
    return "1m" if by_minute else "1d"


def _grouped(work: Iterable[Work]) -> dict[tuple[str, str], list[Work]]:
    """The work by source and width, in its order."""
    found: dict[tuple[str, str], list[Work]] = {}
    for one in work:
        found.setdefault((one.source, one.dataset), []).append(one)
    return found


def _stretches(work: Sequence[Work], listings: Sequence[Listing], dataset: str) -> Iterator[Stretch]:
    """Sessions that can be asked for together, those that come first in the work first."""
    place = {one.subject: number for number, one in enumerate(work)}
    by_instrument: dict[str, list[Work]] = {}
    for one in sorted(work, key=lambda one: one.session):
        by_instrument.setdefault(one.instrument_id, []).append(one)
    found: list[Stretch] = []
    for instrument, of_it in by_instrument.items():
        listing = newest_listing(listings, of_it[0].source, instrument)
        for one in of_it:
            end = _after(one)
            before = found[-1] if found and found[-1].listing == listing else None
            is_near = before is not None and one.session - before.end < NEAR
            is_short = before is None or dataset == DAILY or end - before.begin <= MOST_MINUTE_DAYS
            if before is not None and is_near and is_short:
                found[-1] = before._replace(end=end, work=[*before.work, one])
            else:
                found.append(Stretch(listing, one.session, end, [one]))
    yield from sorted(found, key=lambda stretch: min(place[one.subject] for one in stretch.work))


def newest_listing(listings: Sequence[Listing], source: str, instrument: str) -> Listing:
    """What the vendor calls it today, or called it last: it has all of the past under that."""
    of_it = [one for one in listings if (one.vendor, one.instrument_id) == (source, instrument)]
    return max(of_it, key=lambda one: one.listed_from)


def _after(one: Work) -> date:
    return one.session + timedelta(days=1)
