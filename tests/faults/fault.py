"""A fault as data, and what a run is made of."""

import random
from dataclasses import dataclass


class SkippedError(Exception):
    """This machine cannot have the fault; the message says what it would need."""


@dataclass(frozen=True)
class Fault:
    """What happens to whom and when, as the report of a failure says it."""

    target: str
    kind: str
    moment: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.target} {self.moment}"


@dataclass(frozen=True)
class Options:
    """The seed, and how many faults a scenario is to choose where it chooses."""

    seed: int
    kills: int

    def chance(self) -> random.Random:
        return random.Random(self.seed)
