"""Recorded Yahoo frames: what `tapehouse live --record` wrote, or a CSV file with a line per frame.

The CSV has the columns timestamp, id, price, dayVolume, marketHours and more.
"""

import csv
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from producers.errors import RecordingError
from producers.events import Message, Quote
from producers.frame_file import FIRST_LINE, read_frames
from producers.tape import Delivery
from producers.yahoo_frames import decode_frame, quote_of

SOURCE = "yahoo_recording"
NEEDED = ("timestamp", "id", "price", "marketHours", "dayVolume")


def read_recording(path: Path) -> list[Delivery]:
    """The deliveries of a recording, in the order and at the times of the frames.

    Of a CSV the frame that is sent along is the file's line, byte for byte. A line that cannot be read is sent
    undecoded.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RecordingError(
            f"{path} cannot be read", found=error.strerror or str(error), remedy="name a CSV file"
        ) from error
    if lines and lines[0] == FIRST_LINE.rstrip():
        return _must_hold_one(path, list(_of_frames(lines[1:])))
    header = next(csv.reader([lines[0].decode(errors="replace")])) if lines else []
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise RecordingError(
            f"{path} is not a recording of Yahoo frames: no column {', '.join(missing)}",
            found=", ".join(header)[:200] or "an empty file",
            remedy=f"its first line must name {', '.join(NEEDED)}",
        )
    return _must_hold_one(path, list(_of_csv(lines[1:], header)))


def _must_hold_one(path: Path, deliveries: list[Delivery]) -> list[Delivery]:
    if not deliveries:
        raise RecordingError(
            f"{path} holds no frame", found="only its first line", remedy="name another file"
        )
    return deliveries


def _of_frames(lines: list[bytes]) -> Iterator[Delivery]:
    for received_us, frame, is_whole in read_frames(lines):
        message = decode_frame(frame, source=SOURCE) if is_whole else Message(SOURCE, frame, None)
        yield Delivery(received_us, message, "quote" if message.quote else "malformed")


def _of_csv(lines: list[bytes], header: list[str]) -> Iterator[Delivery]:
    at = 0
    for line in lines:
        quote = _quote(line, header)
        at = max(at, quote.event_time_us) if quote else at
        yield Delivery(at, Message(SOURCE, line, quote), "quote" if quote else "malformed")


def _quote(line: bytes, header: list[str]) -> Quote | None:
    try:
        row = dict(zip(header, next(csv.reader([line.decode()])), strict=True))
        return quote_of(
            source=SOURCE,
            symbol=row["id"],
            time_us=round(datetime.fromisoformat(row["timestamp"]).timestamp() * 1_000_000),
            price=float(row["price"]),
            day_volume=int(float(row["dayVolume"] or 0)),
            market_hours=int(row["marketHours"]),
        )
    except (ValueError, OverflowError, StopIteration):
        return None
