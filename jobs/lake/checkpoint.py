"""The stream's checkpoint: offsets on the driver's local disk, and whether they belong to these tables."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from jobs.lake.errors import CheckpointError
from jobs.lake.progress import Offsets, exceeds, smallest

REBUILD = "start once with --rebuild-checkpoint: it begins at the ends that the tables' commits record"


class Checkpoint:
    """The folder of one query, and beside it the identity of what it was made for."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        self._identity = folder / f"{name}.identity.json"

    def committed_end(self, topic: str) -> Offsets | None:
        """The end of the newest batch that Spark took as done; None without one."""
        done = sorted(int(f.name) for f in (self.path / "commits").glob("[0-9]*") if f.name.isdigit())
        return self._offsets(done[-1], topic) if done else None

    def check(self, identity: Mapping[str, str], ends: Mapping[str, Offsets], *, topic: str) -> None:
        """Refuse a checkpoint that is lost, of other tables, or ahead of a table."""
        written = any(any(end.values()) for end in ends.values())
        if not self.path.exists():
            if written:
                raise CheckpointError(
                    f"the checkpoint {self.path} is lost", found="tables that hold data", remedy=REBUILD
                )
            return
        found = json.loads(self._identity.read_text()) if self._identity.exists() else {}
        for key, value in identity.items():
            if found.get(key) != value:
                raise CheckpointError(
                    f"the checkpoint {self.path} belongs to another {key}",
                    found=f"{found.get(key)}, not {value}",
                    remedy=REBUILD,
                )
        committed = self.committed_end(topic) or {}
        for table, end in ends.items():
            if exceeds(committed, end):
                raise CheckpointError(
                    f"the checkpoint {self.path} is ahead of {table}",
                    found=f"{committed}, the table records {end}",
                    remedy=REBUILD,
                )

    def begin(self, identity: Mapping[str, str]) -> None:
        """Say whose checkpoint this is, before the query makes it."""
        self._identity.parent.mkdir(parents=True, exist_ok=True)
        self._identity.write_text(json.dumps(dict(identity), indent=1))

    def set_aside(self) -> None:
        """Keep the old folder under another name, out of the query's way."""
        if self.path.exists():
            shutil.move(self.path, self.path.with_name(f"{self.path.name}.set-aside-{time.time_ns()}"))

    def _offsets(self, batch: int, topic: str) -> Offsets:
        try:
            offsets = json.loads((self.path / "offsets" / str(batch)).read_text().splitlines()[-1])
            return {int(partition): offset for partition, offset in offsets[topic].items()}
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise CheckpointError(
                f"the checkpoint {self.path} is damaged", found=f"offsets/{batch}: {error!r}", remedy=REBUILD
            ) from error


def starting_offsets(ends: Mapping[str, Offsets], *, topic: str, partitions: tuple[int, ...]) -> str:
    """Where a new checkpoint begins, for Spark: the smallest recorded end, or the topic's earliest offset."""
    start = smallest(ends.values())
    earliest = -2
    return json.dumps({topic: {str(p): start.get(p) or earliest for p in partitions}})
