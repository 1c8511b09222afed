"""What came of one source, counted: for its owner, for Prometheus, and for the ledger's alerts."""

import time

from producers import metrics
from producers.events import DayQuote, Message, Quote


class Tally:
    """`newest` is the quote with the newest event of each symbol; `drift` what the vendor changed in its frames, and
    when the last such frame came, by the monotonic clock.

    The first frame after a subscription may be days old: it is counted like any other, and never the newest again.
    """

    def __init__(self) -> None:
        self.frames = self.quotes = 0
        self.newest: dict[str, Quote] = {}
        self.newest_of_day: dict[str, DayQuote] = {}
        self.drift: dict[str, float] = {}

    @property
    def undecoded(self) -> int:
        return self.frames - self.quotes

    def count(self, message: Message) -> None:
        self.frames += 1
        metrics.FRAMES.labels(message.source).inc()
        self._note_drift(message)
        if message.day_quote:
            self.newest_of_day[message.day_quote.vendor_symbol] = message.day_quote
        elif message.quote is None:
            metrics.UNDECODED.labels(message.source).inc()
            return
        else:
            self._note_newest(message.quote)
        self.quotes += 1
        metrics.QUOTES.labels(message.source).inc()

    def _note_newest(self, quote: Quote) -> None:
        known = self.newest.get(quote.vendor_symbol)
        if known is None or known.event_time_us <= quote.event_time_us:
            self.newest[quote.vendor_symbol] = quote

    def _note_drift(self, message: Message) -> None:
        for field in message.unknown:
            metrics.UNKNOWN_FIELDS.labels(message.source, field).inc()
            self.drift[f"unknown_{field}"] = time.monotonic()
        for problem in message.problems:
            metrics.FRAME_PROBLEMS.labels(message.source, problem).inc()
            self.drift[problem] = time.monotonic()
        if message.quote is None and message.day_quote is None and not message.problems:
            self.drift["undecodable"] = time.monotonic()
