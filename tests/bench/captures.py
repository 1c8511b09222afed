"""Captures of daily bars, made up: the shape of real ones, in any number, the same for the same seed.

Each session has one capture, fetched at 22:00 UTC: a line for each symbol, and the bars of the session before that are
told otherwise. As in the captures of 2017 that is 3.35 % of them, by their volume (median 0.6 %, at times 40 %), and
0.08 % by their price. A symbol splits once in 8 years on average, and pays a dividend of 0.5 % in each quarter if its
number is even. Prices walk at random, by 2 % a day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np

from jobs.lake.sessions import sessions_of
from producers.raw_store import MANY, Fetched, Range, RawStore

SOURCE = "captures"
BARS = "symbol,date,open,high,low,close,volume"
ACTIONS = "symbol,date,event,amount,numerator,denominator"
VOLUME_IS_CORRECTED, PRICE_IS_CORRECTED = 0.0335, 0.0008
SPLITS_A_SESSION, QUARTER = 1 / (8 * 252), 63
FIRST = date(2016, 1, 4)


@dataclass(frozen=True)
class Day:
    """A capture and what happened on its day, as tables."""

    session: date
    bars: list[str]
    actions: list[str]


def captures(symbols: int, sessions: int, *, seed: int) -> Iterator[Day]:
    rng = np.random.default_rng(seed)
    names = [f"S{n:05}" for n in range(symbols)]
    price = rng.uniform(5, 200, symbols)
    before: tuple[date, np.ndarray, np.ndarray] | None = None
    for number, session in enumerate(first_sessions(sessions)):
        splits = rng.random(symbols) < SPLITS_A_SESSION
        pays = (np.arange(symbols) % 2 == 0) & (number % QUARTER == QUARTER - 1)
        price = np.maximum(price * np.exp(rng.normal(0, 0.02, symbols)) / np.where(splits, 2, 1), 0.5)
        prices = np.stack([price * rng.uniform(0.99, 1.01, symbols) for _ in range(4)])
        volume = rng.integers(1_000, 10_000_000, symbols)
        actions = [f"{names[n]},{session},splits,,2,1" for n in np.flatnonzero(splits)]
        actions += [f"{names[n]},{session},dividends,{price[n] * 0.005:.4f},," for n in np.flatnonzero(pays)]
        bars = list(_lines(names, session, prices, volume, np.arange(symbols)))
        if before:
            bars += _corrections(names, *before, rng)
        yield Day(session, bars, actions)
        before = session, prices, volume


def first_sessions(count: int) -> list[date]:
    days = [one.session for one in sessions_of(["XNYS"], until=date(2026, 1, 1)) if one.session >= FIRST]
    return days[:count]


def keep_captures(store: RawStore, days: Iterator[Day]) -> int:
    """Put them into the raw bucket, as an import would; the number of lines of bars."""
    lines = 0
    told = {"basis": "raw", "instruments": "provisional", "time_zone": "America/New_York", "labels": "day"}
    columns = {
        "bars_1d": ",".join(f"{told}={name}" for told, name in zip(_TOLD, BARS.split(","), strict=True)),
        "actions": "symbol=symbol,session=date,kind=event,amount=amount,numerator=numerator,denominator=denominator",
    }
    for day in days:
        at = datetime.combine(day.session, time(22), UTC)
        for dataset, header, rows in (("bars_1d", BARS, day.bars), ("actions", ACTIONS, day.actions)):
            table = "\n".join([header, *rows, ""]).encode()
            asked = Range(SOURCE, dataset, MANY, day.session, day.session)
            fetched = Fetched(
                table, table, len(rows), "made up", at, None, told | {"columns": columns[dataset]}
            )
            store.keep(asked, fetched, request_id="bench", instrument_id=None)
        lines += len(day.bars)
    return lines


_TOLD = ("symbol", "session", "open", "high", "low", "close", "volume")


def _lines(
    names: list[str], session: date, prices: np.ndarray, volume: np.ndarray, which: np.ndarray
) -> Iterator[str]:
    low, high = prices.min(axis=0), prices.max(axis=0)
    for n in which:
        yield f"{names[n]},{session},{prices[0, n]:.4f},{high[n]:.4f},{low[n]:.4f},{prices[3, n]:.4f},{volume[n]}"


def _corrections(
    names: list[str], session: date, prices: np.ndarray, volume: np.ndarray, rng: np.random.Generator
) -> list[str]:
    symbols = len(names)
    by_price = rng.random(symbols) < PRICE_IS_CORRECTED
    by_volume = rng.random(symbols) < VOLUME_IS_CORRECTED
    anew = np.where(by_volume, (volume * (1 + rng.lognormal(-5.1, 1.6, symbols))).astype(int), volume)
    other = np.where(by_price, prices * 1.001, prices)
    return list(_lines(names, session, other, anew, np.flatnonzero(by_price | by_volume)))
