"""The pace of a tape: in its own time, faster, within a number of seconds, or flat out."""

import time
from collections.abc import Callable, Iterator, Sequence

from producers.tape import Delivery

FLAT_OUT = float("inf")


def speed_for(tape: Sequence[Delivery], *, in_seconds: float) -> float:
    """How many times as fast the tape must run to take `in_seconds`."""
    length = (tape[-1].at_us - tape[0].at_us) / 1_000_000 if tape else 0
    return length / in_seconds if length and in_seconds else FLAT_OUT


def replay(
    tape: Sequence[Delivery],
    *,
    speed: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Delivery]:
    """The deliveries, each not before its time on a tape that runs `speed` times as fast as it was recorded."""
    if not tape:
        return
    begin, first = clock(), tape[0].at_us
    for delivery in tape:
        ahead = (delivery.at_us - first) / 1_000_000 / speed - (clock() - begin)
        if ahead > 0.001:
            sleep(ahead)
        yield delivery
