"""A bar as the page knows it: of one source and one instrument, with when it came and what is to be said of it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

COLUMNS = [
    "source",
    "instrument_id",
    "symbol",
    "mic",
    "currency",
    "session",
    "bar_start",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_count",
    "volume_is_complete",
    "is_final",
    "revision",
    "sequence",
]


class Key(NamedTuple):
    """What a source says of an instrument."""

    source: str
    instrument_id: str


class Named(NamedTuple):
    """What an instrument is called where its bars are, and on which venue."""

    instrument_id: str
    symbol: str
    mic: str


class Bar(NamedTuple):
    """A minute of a source. `arrival` grows with every commit: what came after one is what a browser lacks.

    `sequence` is its place in the log of gold, -1 of a row of the merged table.
    """

    start: int
    session: str
    open: float
    high: float
    low: float
    close: float
    volume: int | None
    quotes: int
    is_complete: bool
    is_final: bool
    revision: int
    arrival: int
    sequence: int

    def wire(self) -> list[Any]:
        """As browsers are told it."""
        flags = (0 if self.is_final else 1) + (0 if self.is_complete else 2)
        prices = [self.open, self.high, self.low, self.close]
        return [self.start, *prices, self.volume, flags, self.revision, self.quotes, self.session]


class Newest(NamedTuple):
    """The newest bar of a key, for the list of symbols."""

    symbol: str
    mic: str
    currency: str
    session: str
    start: int
    close: float
    is_final: bool
    arrival: int

    def wire(self, key: Key) -> list[Any]:
        told = [self.symbol, self.close, self.start, self.mic, self.currency, self.is_final]
        return [key.instrument_id, key.source, *told]


def key_of(row: Mapping[str, Any]) -> Key:
    return Key(str(row["source"]), str(row["instrument_id"]))


def bar_of(row: Mapping[str, Any], arrival: int) -> Bar:
    """A row of gold.bars_1m or of its log."""
    return Bar(
        start=seconds_of(row["bar_start"]),
        session=text_of(row["session"]),
        open=float(row["open"]),
        high=float(row["high"]),
        low=float(row["low"]),
        close=float(row["close"]),
        volume=None if row["volume"] is None else int(row["volume"]),
        quotes=int(row["quote_count"] or 0),
        is_complete=bool(row["volume_is_complete"]),
        is_final=bool(row["is_final"]),
        revision=int(row["revision"] or 0),
        arrival=arrival,
        sequence=int(row.get("sequence", -1)),
    )


def newest_of(row: Mapping[str, Any], arrival: int) -> Newest:
    return Newest(
        str(row["symbol"]),
        str(row["mic"]),
        str(row["currency"]),
        text_of(row["session"]),
        seconds_of(row["bar_start"]),
        float(row["close"]),
        bool(row["is_final"]),
        arrival,
    )


def seconds_of(moment: datetime) -> int:
    """A moment as Unix time."""
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def text_of(day: date | str) -> str:
    return day if isinstance(day, str) else day.isoformat()


def number(value: Decimal | float | None) -> float | None:
    return None if value is None else float(value)


def merge(merged: Iterable[Mapping[str, Any]], log: Iterable[Mapping[str, Any]]) -> dict[int, Bar]:
    """The bars by their start: of each the newest revision of the log, else the merged row."""
    found: dict[int, Bar] = {}
    for row in (*merged, *log):
        bar = bar_of(row, 0)
        known = found.get(bar.start)
        if known is None or bar.sequence >= known.sequence:
            found[bar.start] = bar
    return found
