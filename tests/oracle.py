"""Bars worked out from a list of quotes in plain Python, by the words of the design: it shares no code with Spark's."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

from producers.events import Quote, event_id

MINUTE_US = 60_000_000
MICRO = Decimal("0.000001")
Bar = tuple[object, ...]


def bars_of(quotes: Iterable[Quote], *, open_us: int) -> dict[tuple[str, int], Bar]:
    """By (symbol, bar_start): open, high, low, close, volume, vwap, quote_count, volume_is_complete, day_volume_high.

    All quotes are of one source and session, whose exchange opens at `open_us`.
    """
    distinct = {event_id(quote): quote for quote in quotes}
    segments = defaultdict(list)
    for name, quote in distinct.items():
        unknown_first = -1 if quote.day_volume is None else quote.day_volume
        order = (quote.event_time_us, unknown_first, name)
        segments[quote.vendor_symbol, quote.event_time_us >= open_us].append((order, quote))
    bars = {}
    for (symbol, _), found in segments.items():
        bars |= {(symbol, start): bar for start, bar in _bars_of_segment(sorted(found)).items()}
    return bars


def _bars_of_segment(in_order: list[tuple[tuple[int, int, str], Quote]]) -> dict[int, Bar]:
    highest: int | None = None
    minutes: dict[int, list[tuple[Decimal, int, bool, int | None]]] = defaultdict(list)
    for (time_us, *_), quote in in_order:
        before = highest
        if quote.day_volume is not None:
            highest = max(quote.day_volume, highest or 0)
        rise = 0 if before is None or highest is None else highest - before
        fell = before is not None and quote.day_volume is not None and quote.day_volume < before
        complete = before is not None and not fell
        minutes[time_us - time_us % MINUTE_US].append((Decimal(quote.price), rise, complete, highest))
    return {start: _bar(rows) for start, rows in minutes.items()}


def _bar(rows: list[tuple[Decimal, int, bool, int | None]]) -> Bar:
    prices = [price for price, *_ in rows]
    volume = sum(rise for _, rise, *_ in rows)
    turnover = sum(price * rise for price, rise, *_ in rows)
    vwap = (turnover / volume).quantize(MICRO, ROUND_HALF_UP) if volume else None
    complete = all(complete for *_, complete, _ in rows)
    return prices[0], max(prices), min(prices), prices[-1], volume, vwap, len(rows), complete, rows[-1][-1]
