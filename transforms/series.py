"""Indicators of price series as numpy works them out: many instruments one after another in one array.

`place` says for each row how many of its instrument are before it; what is taken from the instrument before has to be
left out by it. A row is worked out from the rows that it depends on and from no other: with running sums one that is
corrected would leave its rounding in all later ones.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Places = NDArray[np.int64]

WILDER, BAND, DEVIATIONS, SESSIONS_A_YEAR = 14, 20, 2.0, 252
FAST, SLOW, SIGNAL = 12, 26, 9
AVERAGES = (20, 50, 200)
# what weighs less than this beside the newest value is beyond what a double can hold
NEGLIGIBLE = 1e-20


class Series(NamedTuple):
    """Prices above zero, by name; of an instrument they stand in order."""

    prices: Mapping[str, Values]
    place: Places

    @property
    def close(self) -> Values:
        return self.prices["close"]


class Known(NamedTuple):
    """Values, and in which rows they are known: those whose window is full."""

    values: Values
    is_known: NDArray[np.bool_]


Columns = tuple[Known, ...]


def work_out(prices: Mapping[str, Values], instruments: Places, *, wanted: Iterable[str]) -> dict[str, Known]:
    """The indicators that are `wanted`, in each row; `instruments` tells one from the next.

    A row in which a price that an indicator needs is missing (zero) is left out of its series, as if there were none.
    """
    found: dict[str, Known] = {}
    for needed, indicators in ((OF_CLOSES, CLOSES), (OF_RANGES, RANGES)):
        of_these = {names: make for names, make in indicators.items() if not set(names).isdisjoint(wanted)}
        if not of_these:
            continue
        is_told = np.logical_and.reduce([prices[name] > 0 for name in needed])
        series = Series({name: prices[name][is_told] for name in needed}, places(instruments[is_told]))
        for names, columns_of in of_these.items():
            columns = [in_all_rows(known, is_told) for known in columns_of(series)]
            found |= dict(zip(names, columns, strict=True))
    return {name: found[name] for name in wanted}


def places(instruments: Places) -> Places:
    """How many rows of the same instrument stand before each."""
    row = np.arange(len(instruments))
    begins = np.ones(len(instruments), dtype=bool)
    begins[1:] = instruments[1:] != instruments[:-1]
    return row - np.maximum.accumulate(np.where(begins, row, 0))


def in_all_rows(known: Known, is_told: NDArray[np.bool_]) -> Known:
    """What is known in the rows of a series, among those that were left out of it."""
    values, is_known = np.zeros(len(is_told)), np.zeros(len(is_told), dtype=bool)
    values[is_told], is_known[is_told] = known
    return Known(values, is_known)


def moving_average(series: Series, *, width: int) -> Columns:
    return (Known(window_sums(series.close, width) / width, series.place >= width - 1),)


def exponential_average(series: Series, *, width: int) -> Columns:
    """Seeded with the mean of the first values."""
    average = _exponential(series.close, width, width - 1, series.place)
    return (Known(average, series.place >= width - 1),)


def macd(series: Series) -> Columns:
    """Line, signal and histogram. Both averages begin where the slow one can."""
    fast, slow = (_exponential(series.close, width, SLOW - 1, series.place) for width in (FAST, SLOW))
    line, begins = fast - slow, SLOW + SIGNAL - 2
    signal = _exponential(line, SIGNAL, begins, series.place)
    is_full = series.place >= begins
    return Known(line, series.place >= SLOW - 1), Known(signal, is_full), Known(line - signal, is_full)


def relative_strength(series: Series) -> Columns:
    """Wilder's index, 0 to 100; not known where the price has not moved."""
    change = np.where(series.place > 0, series.close - shifted(series.close, 1), 0.0)
    rises, falls = (_wilder(np.maximum(side, 0.0), series.place) for side in (change, -change))
    moved = rises + falls
    has_moved = moved > 0
    strength = 100 * np.divide(rises, moved, out=np.zeros_like(moved), where=has_moved)
    return (Known(strength, has_moved & (series.place >= WILDER)),)


def true_range_average(series: Series) -> Columns:
    """Wilder's average of the true range, which needs the close before."""
    before = shifted(series.close, 1)
    high, low = series.prices["high"], series.prices["low"]
    of_day, rise, fall = high - low, high - before, low - before
    ranges = np.maximum(of_day, np.maximum(np.abs(rise), np.abs(fall)))
    return (Known(_wilder(ranges, series.place), series.place >= WILDER),)


def bollinger(series: Series) -> Columns:
    """The upper band and the lower one, as far from the average as the deviation of all prices of the window says."""
    middle = window_sums(series.close, BAND) / BAND
    width = DEVIATIONS * np.sqrt(window_squares(series.close, BAND) / BAND)
    is_full = series.place >= BAND - 1
    return Known(middle + width, is_full), Known(middle - width, is_full)


def log_return(series: Series) -> Columns:
    return (Known(_log_returns(series), series.place >= 1),)


def realised_volatility(series: Series) -> Columns:
    """The deviation of the last log returns, by the sample's formula, over a year."""
    variance = window_squares(_log_returns(series), BAND) / (BAND - 1)
    return (Known(np.sqrt(variance * SESSIONS_A_YEAR), series.place >= BAND),)


def drawdown(series: Series) -> Columns:
    """How far the close is from the highest one so far: 0 to -1."""
    begins = np.flatnonzero(series.place == 0)[1:]
    highest = np.concatenate([np.maximum.accumulate(part) for part in np.split(series.close, begins)])
    return (Known(series.close / highest - 1, series.place >= 0),)


def window_sums(values: Values, width: int) -> Values:
    """The sum of each value and the `width` - 1 before it, added up by halves."""
    total, taken, part, size = np.zeros_like(values), 0, values, 1
    while size <= width:
        if width & size:
            total = total + shifted(part, taken)
            taken += size
        part = part + shifted(part, size)
        size *= 2
    return total


def window_squares(values: Values, width: int) -> Values:
    """The sum of the squared distances of each value and the `width` - 1 before it from their mean."""
    mean = window_sums(values, width) / width
    total = np.zeros_like(values)
    for back in range(width):
        total += (shifted(values, back) - mean) ** 2
    return total


def weighted_sums(values: Values, ratio: float, place: Places) -> Values:
    """The sum of each value and all before it of its instrument, each weighing `ratio` times what the next one does."""
    total, weight, size = values, ratio, 1
    rows = int(place.max(initial=0)) + 1
    while size < rows and weight > NEGLIGIBLE:
        total = total + weight * np.where(place >= size, shifted(total, size), 0.0)
        weight, size = weight * weight, 2 * size
    return total


def shifted(values: Values, rows: int) -> Values:
    """Each row has what stands `rows` before it, the first ones zero."""
    moved = np.zeros_like(values)
    if rows < len(values):
        moved[rows:] = values[: len(values) - rows]
    return moved


def _log_returns(series: Series) -> Values:
    before = np.where(series.place > 0, shifted(series.close, 1), series.close)
    return np.log(series.close / before)


def _exponential(values: Values, width: int, begins: int, place: Places) -> Values:
    return _smoothed(values, width, 2 / (width + 1), begins, place)


def _wilder(values: Values, place: Places) -> Values:
    """The very first row has no value before it, and is none of those that the average begins with."""
    return _smoothed(values, WILDER, 1 / WILDER, WILDER, place)


def _smoothed(values: Values, width: int, share: float, begins: int, place: Places) -> Values:
    """The average that moves by `share` of what a value differs, from the mean of `width` values at place `begins`."""
    seed = window_sums(values, width) / width
    steps = np.where(place > begins, share * values, np.where(place == begins, seed, 0.0))
    return weighted_sums(steps, 1 - share, place)


OF_CLOSES, OF_RANGES = ("close",), ("high", "low", "close")
# the columns, and what works them out
CLOSES: Mapping[tuple[str, ...], Callable[[Series], Columns]] = {
    **{(f"sma_{width}",): partial(moving_average, width=width) for width in AVERAGES},
    **{(f"ema_{width}",): partial(exponential_average, width=width) for width in AVERAGES},
    ("rsi_14",): relative_strength,
    ("macd", "macd_signal", "macd_histogram"): macd,
    ("bollinger_upper", "bollinger_lower"): bollinger,
    ("log_return",): log_return,
    ("realised_volatility",): realised_volatility,
    ("drawdown",): drawdown,
}
RANGES: Mapping[tuple[str, ...], Callable[[Series], Columns]] = {("atr_14",): true_range_average}
