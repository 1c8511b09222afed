"""A user's own session as a file: a first line that says what it is, then a line a frame.

`RECEIVE_TIME_US BASE64`: microseconds since 1970 in UTC when the frame came, and the frame exactly as it was.
"""

import base64
import binascii
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from producers.errors import RecordingError

FIRST_LINE = b"tapehouse-frames 1 yahoo\n"


class FrameRecorder:
    """Appends frames to a file as they come; what was written is on the disk once it is closed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        self._file.seek(0)
        first = self._file.read(len(FIRST_LINE))
        if first and first != FIRST_LINE:
            raise RecordingError(
                f"{path} is there, and is no recording", found=repr(first[:40]), remedy="name another file"
            )
        if not first:
            self._file.write(FIRST_LINE)
        else:
            self._file.seek(-1, os.SEEK_END)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")  # the last session ended in the middle of a line
        self.frames = 0

    def write(self, frame: bytes, received_us: int) -> None:
        self._file.write(b"%d %s\n" % (received_us, base64.b64encode(frame)))
        self.frames += 1

    def __enter__(self) -> "FrameRecorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def read_frames(lines: list[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Receive time, frame, and whether the line could be read: of one that could not, the frame is the line itself."""
    last = 0
    for line in lines:
        moment, _, coded = line.partition(b" ")
        try:
            frame = base64.b64decode(coded, validate=True)
            last = max(last, int(moment))
            yield last, frame, True
        except (ValueError, binascii.Error):
            yield last, line, False
