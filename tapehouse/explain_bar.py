"""One minute's bar from its quotes: which of them gives what, worked out here and compared with what is stored."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tapehouse.explain_lake import Row, text
from tapehouse.explain_serving import Unit, unit_of

MICRO = Decimal("0.000001")
COMPARED = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "vwap",
    "quote_count",
    "volume_is_complete",
    "day_volume_high",
)


def explain_bar(bar: Row | None, quotes: Sequence[Row], seed: int | None, units: Sequence[Unit]) -> Row:
    """The quotes in their order with what each gives, the values that they make, and which of the bar's differ.

    `seed` is the segment's running maximum of day_volume before the minute, None where it is not known.
    """
    ordered = [dict(quote) for quote in sorted(quotes, key=_order)]
    high = seed
    for quote in ordered:
        unit = unit_of(quote["currency"], units, quote["session"])
        quote["price_in_gold"] = _in_major(quote["price"], unit)
        known = quote["day_volume"]
        quote["is_told"] = high is not None and (known is None or known >= high)
        quote["rise"] = max(0, known - high) if known is not None and high is not None else 0
        high = max((volume for volume in (high, known) if volume is not None), default=None)
        quote["gives"] = []
    worked_out = _values(ordered, high) if ordered else {}
    for name, giver in _givers(ordered).items():
        giver["gives"].append(name)
    differs = [
        f"{name} is {text(bar[name])}, its quotes make {text(worked_out.get(name))}"
        for name in COMPARED
        if bar is not None and bar[name] != worked_out.get(name)
    ]
    return {"quotes": ordered, "seed": seed, "worked_out": worked_out, "differs": differs}


def _order(quote: Row) -> tuple[Any, ...]:
    """event_time, day_volume (unknown first), event_id: two quotes of one instant have one order."""
    known = quote["day_volume"]
    return (quote["event_time"], known is not None, known or 0, quote["event_id"])


def _in_major(price: Decimal, unit: Unit | None) -> Decimal:
    return price if unit is None else (price / unit[2]).quantize(MICRO, ROUND_HALF_UP)


def _givers(ordered: Sequence[Row]) -> dict[str, Row]:
    """The quote that gives each price of the bar: of equal ones the first."""
    if not ordered:
        return {}
    return {
        "open": ordered[0],
        "high": max(ordered, key=lambda quote: quote["price_in_gold"]),
        "low": min(ordered, key=lambda quote: quote["price_in_gold"]),
        "close": ordered[-1],
    }


def _values(ordered: Sequence[Row], high: int | None) -> Row:
    prices = {name: quote["price_in_gold"] for name, quote in _givers(ordered).items()}
    volume = sum(quote["rise"] for quote in ordered)
    return prices | {
        "volume": volume,
        "vwap": _vwap(ordered, volume),
        "quote_count": len(ordered),
        "volume_is_complete": all(quote["is_told"] for quote in ordered),
        "day_volume_high": high,
    }


def _vwap(ordered: Iterable[Row], volume: int) -> Decimal | None:
    if not volume:
        return None
    micros = sum(int(quote["price_in_gold"] / MICRO) * quote["rise"] for quote in ordered)
    return Decimal((2 * micros + volume) // (2 * volume)) * MICRO
