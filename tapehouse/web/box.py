"""A box of the page: a title, a state in one word, a sentence, and rows. Ages are worked out by whoever shows it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

# from the calmest to what is worst: a box is as bad as the worst of its rows
STATES = (
    "ok",
    "closed",
    "empty",
    "stopped",
    "open",
    "behind",
    "starting",
    "late",
    "differs",
    "failed",
    "unknown",
)


@dataclass
class Line:
    """A row: `at` is a moment, whose age is shown; `promise` how old it may be."""

    name: str
    text: str = ""
    at: float | None = None
    state: str | None = None
    promise: str | None = None


@dataclass
class Box:
    id: str
    title: str
    state: str
    says: str
    lines: list[Line] = field(default_factory=list)

    def wire(self) -> dict[str, Any]:
        told = asdict(self)
        told["lines"] = [
            {name: value for name, value in asdict(line).items() if value not in (None, "")}
            for line in self.lines
        ]
        return told


def worst(states: Iterable[str | None]) -> str:
    return max((state for state in states if state), key=STATES.index, default="ok")


def stamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
