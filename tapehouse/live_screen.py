"""What comes in, on a terminal: the newest quote of each symbol. Elsewhere a line every ten seconds."""

import time
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from producers.tally import Tally
    from producers.yahoo_stream import YahooStream

LINE_EVERY = 10.0
SHOWN = 30  # symbols


class LiveScreen:
    """Shown for the length of a block."""

    def __init__(
        self, console: Console, tally: "Tally", stream: "YahooStream", *, second: "Tally | None" = None
    ) -> None:
        self._console, self._tally, self._stream, self._second = console, tally, stream, second
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._began = time.monotonic()
        self._line_due = self._began

    def __enter__(self) -> "LiveScreen":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self) -> None:
        if self._console.is_terminal:
            self._live.update(self._table(), refresh=True)
        elif time.monotonic() >= self._line_due:
            self._line_due = time.monotonic() + LINE_EVERY
            self._console.print(f"{datetime.now(UTC):%H:%M:%S}Z {self._summary()}", soft_wrap=True)

    def _table(self) -> Table:
        table = Table(
            "symbol", "price", "day volume", "at", box=box.SIMPLE_HEAD, pad_edge=False, title=self._summary()
        )
        newest = sorted(self._tally.newest.values(), key=lambda quote: -quote.event_time_us)
        for quote in newest[:SHOWN]:
            at = datetime.fromtimestamp(quote.event_time_us / 1_000_000, UTC)
            table.add_row(
                quote.vendor_symbol, quote.price, _volume(quote.day_volume), f"{at:%Y-%m-%d %H:%M:%SZ}"
            )
        for told in list(self._second.newest_of_day.values())[:SHOWN] if self._second else ():
            day = f"{told.trading_day}, {told.source}"
            table.add_row(told.vendor_symbol, told.price, _volume(told.day_volume), day)
        return table

    def _summary(self) -> str:
        counts, connections = self._tally, self._stream.connections
        is_open = sum(connection.is_open for connection in connections)
        ends: dict[str, int] = {}
        for connection in connections:
            for end, times in connection.ends.items():
                ends[end] = ends.get(end, 0) + times
        rate = counts.frames / max(1.0, time.monotonic() - self._began)
        again = "".join(f", {times} times {end}" for end, times in sorted(ends.items()))
        return (
            f"{counts.frames:,} frames ({rate:.1f}/s), {counts.quotes:,} quotes, {counts.undecoded:,} undecoded, "
            f"{is_open} of {len(connections)} connections open{again}"
            + (f"; {self._second.quotes} quotes of the second source" if self._second else "")
        )


def _volume(known: int | None) -> str:
    return "unknown" if known is None else f"{known:,}"
