"""The tape of a bench: messages of 500 symbols and when each is due, made once and kept in a file.

It is seeded: the same plan gives the same messages, so that runs can be compared. Its session lies in the past and is
always the same; one second of it is one second of sending.
"""

import hashlib
import heapq
import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pyarrow
from pyarrow import ipc

from producers import malformed
from producers.events import Message
from producers.tape import SOURCE
from producers.yahoo_frames import encode_frame, quote_of
from tests.bench.symbols import CUMULATIVE_WEIGHTS, SYMBOLS

BEGIN_US = int(datetime(2024, 3, 6, 10, tzinfo=ZoneInfo("America/New_York")).timestamp()) * 1_000_000
REGULAR, SECOND = 1, 1_000_000
DUPLICATES, MALFORMED, LATE = 0.01, 0.002, 0.005
DUPLICATE_WITHIN, LATE_WITHIN = 120 * SECOND, 600 * SECOND
ROWS = 20_000  # of a batch in the file
# what is of the future, or old, depends on when it is sent
KINDS = [kind for kind in malformed.KINDS if kind.violation not in {"future", "old"}]
SCHEMA = pyarrow.schema({
    "due_us": pyarrow.int64(),
    "key": pyarrow.binary(),
    "value": pyarrow.binary(),
    "frame": pyarrow.binary(),
})


class Stretch(NamedTuple):
    """So many messages at so many a second."""

    messages: int
    rate: float


class Due(NamedTuple):
    """A message that is delivered later than it was made; `number` decides between equal times."""

    at_us: int
    number: int
    message: Message


def kept_tape(plan: Sequence[Stretch], *, seed: int, folder: Path) -> Path:
    """The file of this plan, made if it is not there; code that changed makes another."""
    code = Path(__file__).read_text()
    name = hashlib.sha256(f"{[tuple(stretch) for stretch in plan]} {seed} {code}".encode()).hexdigest()[:12]
    file = folder / f"{sum(stretch.messages for stretch in plan)}-{name}.arrow"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        with ipc.new_file(unfinished, SCHEMA, options=ipc.IpcWriteOptions(compression="zstd")) as writer:
            for batch in _batches(plan, seed):
                writer.write_batch(batch)
        unfinished.rename(file)
    return file


def read_tape(file: Path) -> Iterator[tuple[list[int], list[bytes], list[bytes], list[bytes]]]:
    """The tape in pieces: when the messages are due in microseconds from its start, keys, values, frames."""
    with pyarrow.memory_map(str(file)) as source:
        reader = ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield tuple(column.to_pylist() for column in reader.get_batch(number).columns)


def deliveries(plan: Sequence[Stretch], *, seed: int) -> Iterator[tuple[int, Message]]:
    """The messages in the order in which they are sent, duplicates, malformed and late ones among them.

    What is still under way when the plan ends is not sent.
    """
    chance, market = random.Random(f"{seed}/disturbances"), _Market(seed)
    later: list[Due] = []
    for number, at_us in enumerate(_instants(plan)):
        while not later or later[0].at_us > at_us:
            message = market.quote(at_us)
            lot = chance.random()
            if lot < LATE:
                heapq.heappush(later, Due(at_us + chance.randrange(LATE_WITHIN), number, message))
                continue
            if lot < LATE + MALFORMED:
                heapq.heappush(later, Due(at_us, number, message))
                message = _spoilt(message, at_us, chance)
            elif lot < LATE + MALFORMED + DUPLICATES:
                heapq.heappush(later, Due(at_us + chance.randrange(DUPLICATE_WITHIN), number, message))
            yield at_us, message
            break
        else:
            yield at_us, heapq.heappop(later).message


class _Market:
    """Prices and volumes of the symbols, a random walk each."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"{seed}/market")
        self._prices = {symbol: self._chance.uniform(20, 400) for symbol in SYMBOLS}
        self._volumes = {symbol: self._chance.randrange(100_000, 20_000_000) for symbol in SYMBOLS}

    def quote(self, at_us: int) -> Message:
        """A quote on the last whole second, as Yahoo's clock ticks."""
        (symbol,) = self._chance.choices(SYMBOLS, cum_weights=CUMULATIVE_WEIGHTS)
        self._prices[symbol] *= 1 + self._chance.gauss(0, 0.0001)
        self._volumes[symbol] += self._chance.randrange(1, 2_000)
        price, volume = round(self._prices[symbol], 2), self._volumes[symbol]
        time_us = BEGIN_US + at_us - at_us % SECOND
        known = {"price": price, "day_volume": volume, "market_hours": REGULAR}
        frame = encode_frame(
            id=symbol, time=time_us // 1000, exchange="NMS", quote_type=8, price_hint=2, **known
        )
        return Message(SOURCE, frame, quote_of(source=SOURCE, symbol=symbol, time_us=time_us, **known))


def _instants(plan: Sequence[Stretch]) -> Iterator[int]:
    begin = 0.0
    for messages, rate in plan:
        for number in range(messages):
            yield int(begin + number * SECOND / rate)
        begin += messages * SECOND / rate


def _spoilt(message: Message, at_us: int, chance: random.Random) -> Message:
    assert message.quote is not None
    return malformed.message(chance.choice(KINDS), message.quote, now_us=BEGIN_US + at_us, chance=chance)


def _batches(plan: Sequence[Stretch], seed: int) -> Iterator[pyarrow.RecordBatch]:
    rows: list[tuple[int, bytes | None, bytes, bytes]] = []
    for at_us, message in deliveries(plan, seed=seed):
        rows.append((at_us, message.key, message.render(BEGIN_US + at_us), message.frame))
        if len(rows) == ROWS:
            yield _batch(rows)
            rows.clear()
    if rows:
        yield _batch(rows)


def _batch(rows: list[tuple[int, bytes | None, bytes, bytes]]) -> pyarrow.RecordBatch:
    columns = zip(*rows, strict=True)
    return pyarrow.record_batch(
        [pyarrow.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], SCHEMA
    )
