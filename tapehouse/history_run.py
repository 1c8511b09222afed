"""One request for history, fetch by fetch: each is planned when its turn comes, kept, and noted in the ledger."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from jobs.lake.errors import BudgetError
from jobs.lake.fetches import Fetches, Task
from jobs.lake.instruments import Listing
from producers.asking import Calls, ask
from producers.errors import KeyRefusedError, OutageError, PremiumError, ProducerError, UnreadableError
from producers.history import ACTIONS, UNKNOWN_FIELDS, Vendor
from producers.raw_store import Kept, Range, RawStore
from tapehouse.drift import AnswerAlerts
from tapehouse.history_plan import still_wanted

# of a range, with what is kept of its dataset and symbol: what is asked for now, or what is had instead of it
Choice = Callable[[Range, Sequence[Kept], Listing], Range | Kept]
# of as many symbols: it is the vendor that is out of order, not one of them
OUTAGES_IN_A_ROW = 3


@dataclass(frozen=True)
class Outcome:
    """What became of a fetch: fetched, had (nothing new to ask for), waiting, failed, or refused for good."""

    task: Task
    state: str
    rows: int = 0
    problem: str = ""

    @property
    def is_there(self) -> bool:
        return self.state in {"fetched", "had"}


class HistoryRun:
    """Fetches the tasks of one request. One symbol's failure stops no other; an empty budget stops them all."""

    def __init__(
        self,
        request_id: str,
        vendor: Vendor,
        calls: Calls,
        store: RawStore,
        fetches: Fetches,
        alerts: AnswerAlerts,
        *,
        listings: Sequence[Listing],
        sessions: Mapping[str, Sequence[date]],
        refresh: bool,
        choose: Choice | None = None,
    ) -> None:
        self._request_id, self._vendor, self._calls = request_id, vendor, calls
        self._store, self._fetches, self._refresh = store, fetches, refresh
        self._alerts = alerts
        self._listings = {listing.listed_symbol: listing for listing in listings}
        self._sessions, self._choose = sessions, choose

    def run(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """One outcome a task, as it comes; what was not asked for is waiting."""
        outages, refused = 0, ""
        stopped: BudgetError | None = None
        for task in tasks:
            if stopped is not None:
                yield self._without_a_call(task) or Outcome(task, "waiting", problem=stopped.what)
                continue
            if task.dataset == refused:
                yield self._failed(task, f"{task.dataset} is not for this key", for_good=True)
                continue
            try:
                yield self._one(task)
                outages = 0
            except BudgetError as error:
                stopped = error
                yield Outcome(task, "waiting", problem=error.what)
            except KeyRefusedError:
                raise  # no other symbol fares better
            except ProducerError as error:
                is_premium, is_outage = isinstance(error, PremiumError), isinstance(error, OutageError)
                refused = task.dataset if is_premium else refused
                outages = outages + 1 if is_outage else 0
                if outages == OUTAGES_IN_A_ROW:
                    self._calls.rest(error.what)
                yield self._failed(task, f"{error.what} ({error.found})", for_good=is_premium)

    def _failed(self, task: Task, problem: str, *, for_good: bool) -> Outcome:
        self._fetches.failed(self._request_id, task, problem=problem, for_good=for_good)
        return Outcome(task, "refused" if for_good else "failed", problem=problem)

    def _one(self, task: Task) -> Outcome:
        listing = self._listings[task.vendor_symbol]
        asked = Range(self._vendor.source, *task, zone=listing.tz)
        kept = self._store.find(asked)
        mine = [pair for pair in kept if pair.request_id == self._request_id and pair.end == asked.end]
        if mine:  # the run that fetched it died before it could say so
            return self._done(task, "fetched", mine[-1].sidecar)
        wanted = (self._choose or self._what_may_be_new)(asked, kept, listing)
        if isinstance(wanted, Kept):
            return self._done(task, "had", wanted.sidecar)
        try:
            fetched = ask(lambda: self._vendor.fetch(wanted), calls=self._calls)
        except UnreadableError as error:
            self._alerts.unreadable(task.dataset, task.vendor_symbol, error.found)
            raise
        sidecar = self._store.keep(
            wanted, fetched, request_id=self._request_id, instrument_id=listing.instrument_id
        )
        named = fetched.facts.get(UNKNOWN_FIELDS)
        self._alerts.read(task.dataset, task.vendor_symbol, named.split(",") if named else [])
        return self._done(task, "fetched", sidecar, rows=fetched.rows)

    def _without_a_call(self, task: Task) -> Outcome | None:
        """What is had anyway; what may be new is not known before the newest splits are."""
        listing = self._listings[task.vendor_symbol]
        asked = Range(self._vendor.source, *task, zone=listing.tz)
        had = self._choose and self._choose(asked, self._store.find(asked), listing)
        return self._done(task, "had", had.sidecar) if isinstance(had, Kept) else None

    def _what_may_be_new(self, asked: Range, kept: Sequence[Kept], listing: Listing) -> Range | Kept:
        if asked.dataset == ACTIONS:
            return asked
        wanted = still_wanted(
            asked,
            kept,
            sessions=self._sessions[listing.calendar],
            split_after=self._newest_split(asked),
            refresh=self._refresh,
        )
        return kept[-1] if wanted is None else wanted

    def _done(self, task: Task, state: str, sidecar: str, *, rows: int | None = None) -> Outcome:
        rows = int(self._store.read(sidecar)[0]["table"]["rows"]) if rows is None else rows
        self._fetches.done(self._request_id, task, sidecar=sidecar, rows=rows)
        return Outcome(task, state, rows)

    def _newest_split(self, asked: Range) -> date | None:
        """The day of the newest split that the vendor has told of; this request has asked for them before the bars."""
        pairs: list[Kept] = self._store.find(
            Range(asked.source, ACTIONS, asked.vendor_symbol, asked.begin, asked.end)
        )
        if not pairs:
            return None
        table = csv.DictReader(io.StringIO(self._store.read(pairs[-1].sidecar)[2].decode()))
        splits = [int(row["date"]) for row in table if row["event"] == "splits"]
        return datetime.fromtimestamp(max(splits), UTC).date() if splits else None
