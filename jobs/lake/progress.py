"""How far a stream has come: offsets per partition, and the metadata that every commit carries.

A table's recorded end is the per-partition maximum over its own commits and over those of other tables that list it as
empty. A write takes only offsets above it, so that a replay does no harm.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Offsets = dict[int, int]
EPOCH_STEP = 2**44


@dataclass(frozen=True)
class Commit:
    """What `userMetadata` of a commit says.

    `end` (exclusive) is the table's recorded end, `batch_end` how far the `empty` tables are with it.
    """

    topic: str
    topic_id: str
    start: Offsets
    end: Offsets
    epoch: int
    kind: str
    empty: tuple[str, ...] = ()
    batch_end: Offsets = field(default_factory=dict)
    batch_id: int | None = None
    sequence: int | None = None
    watermark: Mapping[str, datetime] = field(default_factory=dict)
    kafka_time: Mapping[str, datetime] = field(default_factory=dict)

    def to_json(self) -> str:
        plain = dict(self.__dict__)
        for name in ("start", "end", "batch_end"):
            plain[name] = {str(partition): offset for partition, offset in sorted(plain[name].items())}
        plain["empty"] = list(self.empty)
        for name in ("watermark", "kafka_time"):
            plain[name] = {source: time.isoformat() for source, time in sorted(plain[name].items())}
        return json.dumps({name: value for name, value in plain.items() if value is not None}, sort_keys=True)

    @property
    def transaction_version(self) -> int:
        """Grows with every commit of a driver, and a newer driver's are all larger than an older one's."""
        return self.epoch * EPOCH_STEP + sum(self.end.values())


def read_commit(text: str | None) -> Commit | None:
    """The commit's metadata, or None for a commit that is not ours to read."""
    try:
        plain: dict[str, Any] = json.loads(text or "")
        offsets = {
            name: {int(p): int(o) for p, o in plain[name].items()} for name in ("start", "end", "batch_end")
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    times = {
        name: {source: datetime.fromisoformat(time) for source, time in plain.get(name, {}).items()}
        for name in ("watermark", "kafka_time")
    }
    rest = {name: plain.get(name) for name in ("topic", "topic_id", "epoch", "kind", "batch_id", "sequence")}
    return Commit(**rest, **offsets, **times, empty=tuple(plain.get("empty", ())))  # type: ignore[arg-type]


def largest(*ends: Mapping[int, int]) -> Offsets:
    """Per partition the largest offset."""
    return {p: max(end.get(p, 0) for end in ends) for p in sorted({p for end in ends for p in end})}


def smallest(ends: Iterable[Mapping[int, int]]) -> Offsets:
    """Per partition the smallest offset; a partition that one does not know counts as 0."""
    found = list(ends)
    return {p: min(end.get(p, 0) for end in found) for p in sorted({p for end in found for p in end})}


def exceeds(end: Mapping[int, int], other: Mapping[int, int]) -> bool:
    """Whether `end` is beyond `other` in any partition."""
    return any(offset > other.get(partition, 0) for partition, offset in end.items())


def recorded_ends(commits: Mapping[str, Iterable[Commit]], *, topic: str) -> dict[str, Offsets]:
    """The recorded end of each table of `commits`, for this topic."""
    of_topic = {name: [c for c in found if c.topic == topic] for name, found in commits.items()}
    everyone = [commit for found in of_topic.values() for commit in found]
    return {
        name: largest(*[c.end for c in found], *[c.batch_end for c in everyone if name in c.empty])
        for name, found in of_topic.items()
    }
