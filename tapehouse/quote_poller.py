"""Alpha Vantage's quotes beside a live stream: the stalest symbol first, as often as its budget allows."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

from producers.errors import (
    KeyRefusedError,
    OutageError,
    PremiumError,
    SourceError,
    UnknownSymbolError,
    UnreadableError,
)
from producers.tally import Tally

if TYPE_CHECKING:
    from jobs.lake.alerts import Alerts
    from jobs.lake.budget import Budget
    from jobs.lake.instruments import Listing
    from jobs.lake.quote_asks import QuoteAsks
    from jobs.lake.settings import Settings
    from producers.events import Message
    from producers.kafka_sink import KafkaSink

SOURCE, PURPOSE = "alpha_vantage", "live"
LOOK_EVERY = 20.0  # seconds
ALERT = "source_refuses"
log = structlog.get_logger()


class QuotePoller:
    """Asks for one quote after the other while an exchange of `listings` is open, in a thread, for a block's length.

    What the day's budget has left is spread over what is left of the session, by all processes together. `ended` says
    why it asks no more, if the vendor refuses for good; while the ledger is away nothing is asked.
    """

    def __init__(
        self,
        settings: "Settings",
        listings: "Sequence[Listing]",
        sink: "KafkaSink",
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._settings, self._sink, self._clock, self._look_every = settings, sink, clock, look_every
        self._listings = {listing.listed_symbol: listing for listing in listings}
        # symbols that the vendor knows nothing of, each with the day on which it said so
        self._unknown: dict[str, date] = {}
        self.tally = Tally()
        self.ended: SourceError | None = None
        self._ending = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="quote-poller")
        self._running: Future[None] | None = None

    def __enter__(self) -> "QuotePoller":
        self._running = self._thread.submit(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Wait for an answer that is on its way: its call is spent."""
        self._ending.set()
        self._thread.shutdown()
        if error is None:
            self.must_live()

    def must_live(self) -> None:
        """Raise what has ended it, unless that was the vendor."""
        if self._running and self._running.done():
            self._running.result()

    def _run(self) -> None:
        from jobs.lake.errors import TapehouseError

        while not self.ended:
            try:
                self._look_until_the_end()
            except TapehouseError as error:
                log.warning("quotes_not_asked", what=error.what, found=error.found, remedy=error.remedy)
            if self._ending.wait(self._look_every):
                return

    def _look_until_the_end(self) -> None:
        from jobs.lake.alerts import Alerts
        from jobs.lake.quote_asks import QuoteAsks
        from tapehouse.vendors import open_budget

        with ExitStack() as stack:
            budget = open_budget(SOURCE, self._settings, clock=self._clock, sleep=self._pause)
            stack.enter_context(closing(budget))
            asks = stack.enter_context(closing(QuoteAsks(self._settings, SOURCE)))
            alerts = stack.enter_context(closing(Alerts(self._settings)))
            while not self.ended:
                self._look(budget, asks, alerts)
                if self._ending.wait(self._look_every):
                    return

    def _look(self, budget: "Budget", asks: "QuoteAsks", alerts: "Alerts") -> None:
        """Ask for a quote, if one is due and there is a call for it."""
        from tapehouse.exchange_hours import closes_at, is_open

        now = self._clock()
        today = budget.plan.day_of(now)
        wanted = {s: one.calendar for s, one in self._listings.items() if self._unknown.get(s) != today}
        open_now = [symbol for symbol, calendar in wanted.items() if is_open(calendar, now)]
        standing = budget.standing() if open_now else None
        if standing is None or standing.rests_until or not standing.left[PURPOSE]:
            return

        def is_due(symbol: str, last: datetime | None) -> bool:
            end = min(closes_at(wanted[symbol], now), budget.plan.end_of_day(now))
            return last is None or now >= next_ask(last, end=end, left=standing.left[PURPOSE])

        if symbol := asks.claim(open_now, now, is_due=is_due):
            self._ask(symbol, budget, alerts)

    def _ask(self, symbol: str, budget: "Budget", alerts: "Alerts") -> None:
        from jobs.lake.errors import BudgetError
        from producers.asking import ask
        from producers.day_quotes import decode_quote, undecoded
        from tapehouse.vendors import open_alpha_vantage

        client = open_alpha_vantage(self._settings, lambda: budget.take(PURPOSE))
        try:
            # what fails is not asked again at once: the day has few calls
            answer = ask(lambda: client.quote(symbol), calls=budget, tries=1, sleep=self._pause)
        except (KeyRefusedError, PremiumError) as error:
            self.ended = error
            log.error("quotes_refused", what=error.what, found=error.found, remedy=error.remedy)
            alerts.open(ALERT, f"{SOURCE} quotes", found=error.found, remedy=error.remedy)
            return
        except UnreadableError as error:
            self._send(undecoded(error))
        except UnknownSymbolError as error:
            self._unknown[symbol] = budget.plan.day_of(self._clock())
            log.warning("quote_unknown", symbol=symbol, found=error.found, remedy=error.remedy)
        except (SourceError, BudgetError) as error:
            log.warning("quote_not_given", symbol=symbol, what=error.what, found=error.found)
            return
        else:
            self._send(decode_quote(answer))
        alerts.close_alert(ALERT, f"{SOURCE} quotes")

    def _send(self, message: "Message") -> None:
        self._sink.send(message, received_us=time.time_ns() // 1000)
        self.tally.count(message)

    def _pause(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise OutageError("Alpha Vantage is not asked any more", found="the stream is at its end")


def find_asked(symbols: Sequence[str], settings: "Settings", say: Callable[[str], None]) -> "list[Listing]":
    """Those of `symbols` that Alpha Vantage can be asked for: none without a key; `say` tells what is to be known."""
    from jobs.lake.budget_plans import read_plans
    from jobs.lake.errors import SettingsError, UsageError
    from jobs.lake.instruments import read_instruments
    from tapehouse.symbols import spell

    if settings.alpha_vantage_key is None:
        return []
    plan = read_plans(settings.budgets).get(SOURCE)
    if plan is None or PURPOSE not in plan.calls:
        raise SettingsError(
            f"{SOURCE} has no budget for {PURPOSE}",
            found=f"{settings.budgets}",
            remedy="name it there, or leave ALPHAVANTAGE_API_KEY away",
        )
    known, day = read_instruments(settings.instruments).listings, datetime.now(UTC).date()
    found: dict[str, Listing] = {}
    for symbol in symbols:
        try:
            (listing,) = spell([symbol], known, vendor=SOURCE, day=day)
        except UsageError as error:
            say(f"of one source only: {error.what}")
        else:
            found[listing.listed_symbol] = listing
    if found:
        say(f"beside it Alpha Vantage's quotes of {len(found)} symbols, {plan.calls[PURPOSE]} a day at most")
    if found and settings.alpha_vantage_url:
        say(f"they come from {settings.alpha_vantage_url} and are called {SOURCE} all the same")
    return list(found.values())


def next_ask(last: datetime, *, end: datetime, left: int) -> datetime:
    """When to ask again after `last`, so that the calls that are left are spread evenly until `end`."""
    return last + max(end - last, timedelta()) / (left + 1)
