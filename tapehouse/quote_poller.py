"""Alpha Vantage's quotes beside a live stream: the stalest symbol first, as its budget allows, all through the day."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING

import structlog

from producers.errors import KeyRefusedError, OutageError, PremiumError, SourceError, UnknownSymbolError
from producers.tally import Tally

if TYPE_CHECKING:
    from jobs.lake.budget import Budget
    from jobs.lake.instruments import Listing
    from jobs.lake.quote_asks import QuoteAsks
    from jobs.lake.settings import Settings
    from producers.kafka_sink import KafkaSink

SOURCE, PURPOSE = "alpha_vantage", "live"
LOOK_EVERY = 20.0  # seconds
log = structlog.get_logger()


class QuotePoller:
    """Asks for one quote after the other while an exchange of `listings` is open, in a thread, for a block's length.

    What the day's budget has left is spread over what is left of the session. A call is asked for at once when it
    starts. `ended` says why it asks no more, if the vendor refuses for good; while the ledger is away nothing is asked.
    """

    def __init__(
        self,
        settings: "Settings",
        listings: "Sequence[Listing]",
        sink: "KafkaSink",
        *,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._settings, self._sink, self._look_every = settings, sink, look_every
        self._listings = {listing.listed_symbol: listing for listing in listings}
        self.tally = Tally()
        self.ended: SourceError | None = None
        self._next_at: datetime | None = None
        self._ending = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="quote-poller")
        self._running: Future[None] | None = None

    def __enter__(self) -> "QuotePoller":
        self._running = self._thread.submit(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.shutdown()

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
        from jobs.lake.quote_asks import QuoteAsks
        from tapehouse.vendors import open_budget

        with ExitStack() as stack:
            budget = stack.enter_context(closing(open_budget(SOURCE, self._settings)))
            asks = stack.enter_context(closing(QuoteAsks(self._settings, SOURCE)))
            while not self.ended:
                self._look(budget, asks)
                if self._ending.wait(self._look_every):
                    return

    def _look(self, budget: "Budget", asks: "QuoteAsks") -> None:
        """Ask for a quote, if one is due and there is a call for it."""
        from tapehouse.exchange_hours import closes_at, is_open

        now = datetime.now(UTC)
        open_now = [symbol for symbol, listing in self._listings.items() if is_open(listing.calendar, now)]
        if not open_now or (self._next_at and now < self._next_at):
            return
        standing = budget.standing()
        if standing.rests_until or not standing.left.get(PURPOSE):
            return
        symbol = asks.stalest(open_now)
        calendar = self._listings[symbol].calendar
        asks.note(symbol, now)
        self._ask(symbol, budget)
        now = datetime.now(UTC)
        end = min(closes_at(calendar, now), budget.plan.end_of_day(now))
        self._next_at = next_ask(now, end=end, left=budget.standing().left[PURPOSE])

    def _ask(self, symbol: str, budget: "Budget") -> None:
        from jobs.lake.errors import BudgetError
        from producers.asking import ask
        from producers.day_quotes import decode_quote
        from tapehouse.vendors import open_alpha_vantage

        client = open_alpha_vantage(self._settings, lambda: budget.take(PURPOSE))
        try:
            answer = ask(lambda: client.quote(symbol), calls=budget, sleep=self._pause)
        except (KeyRefusedError, PremiumError) as error:
            self.ended = error
        except UnknownSymbolError as error:
            log.warning(
                "quote_unknown", symbol=symbol, what=error.what, found=error.found, remedy=error.remedy
            )
            del self._listings[symbol]
        except (SourceError, BudgetError) as error:
            log.warning("quote_not_given", symbol=symbol, what=error.what, found=error.found)
        else:
            message = decode_quote(answer)
            self._sink.send(message, received_us=time.time_ns() // 1000)
            self.tally.count(message)

    def _pause(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise OutageError("Alpha Vantage is not asked again", found="the stream is at its end")


def next_ask(now: datetime, *, end: datetime, left: int) -> datetime:
    """When to ask next, so that the calls that are left are spread evenly until `end`."""
    return now + max(end - now, timedelta()) / (left + 1)
