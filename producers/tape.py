"""A generated session: seeded, called generated, with the traits of Yahoo's stream."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from producers.errors import ProducerError
from producers.events import Message
from producers.yahoo_frames import decode_frame, encode_frame

SOURCE = "generated"
EXCHANGE = ZoneInfo("America/New_York")
PRE, REGULAR, POST = 0, 1, 2


class Delivery(NamedTuple):
    """A message and when it is delivered, in microseconds of the tape's own time."""

    at_us: int
    message: Message
    kind: str  # quote, duplicate or malformed


@dataclass(frozen=True)
class Listed:
    """A symbol of the tape: quotes a second, about where its price starts, shares traded before the tape begins."""

    symbol: str
    rate: float
    price: float
    volume: int


# quotes a second as in a recorded hour of September 2023
SYMBOLS = (
    Listed("AAPL", 0.550, 189.5, 25_000_000),
    Listed("AMD", 0.665, 110.2, 29_000_000),
    Listed("AMZN", 0.488, 137.2, 18_000_000),
    Listed("AVGO", 0.077, 868.3, 700_000),
    Listed("GOOGL", 0.351, 135.8, 9_000_000),
    Listed("META", 0.312, 299.7, 7_500_000),
    Listed("MSFT", 0.367, 332.6, 8_000_000),
    Listed("NVDA", 0.548, 484.6, 17_000_000),
    Listed("TSLA", 0.766, 252.8, 68_000_000),
)
# frames that are days old when one subscribes: the last of the session before
STALE = ("AVGO", "META")


def last_session(now: datetime) -> tuple[date, date]:
    """The last completed session of the New York exchanges at `now`, and the one before it."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=now.date() - timedelta(days=30), end=now.date())
    closed = [label.date() for label, close in calendar.closes.items() if close <= now]
    return closed[-1], closed[-2]


def generate(
    session: date,
    *,
    before: date,
    seed: int,
    minutes: int = 60,
    start: time = time(12),
    symbols: Sequence[str] = (),
) -> list[Delivery]:
    """The deliveries of `minutes` of a session from `start` exchange time on; the same for the same seed.

    At most one quote a second for each symbol, on whole seconds; half of the prices off the cent; one frame without a
    volume; for some symbols a first frame that is left over from the session `before`.
    """
    listed = _choose(symbols)
    begin = datetime.combine(session, start, EXCHANGE)
    frames = [_stale_frame(item, before, begin) for item in listed if item.symbol in STALE]
    for number, item in enumerate(listed):
        frames += _frames(
            item, begin, minutes * 60, random.Random(f"{seed}/{item.symbol}"), no_volume=number == 0
        )
    frames.sort(key=lambda frame: frame[0])
    return [Delivery(at, decode_frame(frame, source=SOURCE), "quote") for at, frame in frames]


def _frames(
    item: Listed, begin: datetime, seconds: int, chance: random.Random, *, no_volume: bool
) -> Iterable[tuple[int, bytes]]:
    price, volume = item.price, item.volume
    first = int(begin.timestamp())
    without = chance.randrange(seconds) if no_volume else -1
    for second in range(seconds):
        price *= 1 + chance.gauss(0, 0.00012)
        volume += int(chance.expovariate(1) * item.volume / 20_000)
        if chance.random() >= item.rate and second != without:
            continue
        shown = round(price, 2 if chance.random() < 0.5 else 4)
        yield (
            (first + second) * 1_000_000,
            encode_frame(
                id=item.symbol,
                price=shown,
                time=(first + second) * 1000,
                exchange="NMS",
                quote_type=8,
                market_hours=_hours(begin + timedelta(seconds=second)),
                change_percent=round((shown / item.price - 1) * 100, 4),
                day_volume=0 if second == without else volume,
                change=round(shown - item.price, 4),
                price_hint=2,
            ),
        )


def _stale_frame(item: Listed, before: date, begin: datetime) -> tuple[int, bytes]:
    """What a symbol's last quote of the session before looks like to a new subscriber."""
    then = datetime.combine(before, time(16, 59, 30), EXCHANGE)
    frame = encode_frame(
        id=item.symbol,
        price=round(item.price * 0.99, 2),
        time=int(then.timestamp()) * 1000,
        exchange="NMS",
        quote_type=8,
        market_hours=POST,
        day_volume=item.volume * 2,
        price_hint=2,
    )
    return int(begin.timestamp()) * 1_000_000, frame


def _hours(moment: datetime) -> int:
    wall = moment.astimezone(EXCHANGE).time()
    return PRE if wall < time(9, 30) else REGULAR if wall < time(16) else POST


def _choose(symbols: Sequence[str]) -> list[Listed]:
    unknown = sorted(set(symbols) - {item.symbol for item in SYMBOLS})
    if unknown:
        raise ProducerError(
            f"the generated tape has no symbol {', '.join(unknown)}",
            found=", ".join(symbols),
            remedy=f"choose from {', '.join(item.symbol for item in SYMBOLS)}",
        )
    return [item for item in SYMBOLS if not symbols or item.symbol in symbols]
