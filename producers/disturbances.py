"""What transport does to a tape: duplicates and malformed messages are added, good ones come late or out of order.

Nothing good is ever made bad: the quotes of the tape are all still there.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle

from producers import malformed
from producers.tape import Delivery

MINUTE_US = 60_000_000


@dataclass(frozen=True)
class Disturbances:
    """Shares of the good messages: `duplicates` and `malformed` are added, `late` are moved by up to `late_minutes`;
    all are moved by up to `shuffle_minutes`."""

    duplicates: float = 0.0
    malformed: float = 0.0
    late: float = 0.0
    late_minutes: float = 10.0
    shuffle_minutes: float = 0.0


def disturb(tape: Iterable[Delivery], how: Disturbances, *, seed: int, now_us: int) -> list[Delivery]:
    """The tape as it is delivered, in that order; the same for the same seed."""
    chance = random.Random(f"{seed}/disturbances")
    kinds = cycle(chance.sample(malformed.KINDS, len(malformed.KINDS)))
    delivered = []
    for delivery in tape:
        moved = _moved(delivery, how, chance)
        delivered.append(moved)
        if chance.random() < how.duplicates:
            later = moved.at_us + int(chance.uniform(0, 2 * MINUTE_US))
            delivered.append(Delivery(later, moved.message, "duplicate"))
        if chance.random() < how.malformed and delivery.message.quote:
            bad = malformed.message(next(kinds), delivery.message.quote, now_us=now_us, chance=chance)
            delivered.append(Delivery(moved.at_us, bad, "malformed"))
    return sorted(delivered, key=lambda delivery: delivery.at_us)


def _moved(delivery: Delivery, how: Disturbances, chance: random.Random) -> Delivery:
    by = chance.uniform(0, how.shuffle_minutes * MINUTE_US)
    if chance.random() < how.late:
        by += chance.uniform(0, how.late_minutes * MINUTE_US)
    return delivery._replace(at_us=delivery.at_us + int(by))
