"""The stream's checkpoint: offsets on the driver's local disk, and whether they belong to these tables."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from jobs.lake.errors import CheckpointError
from jobs.lake.progress import Offsets, exceeds, smallest

REBUILD = (
    "run `tapehouse rebuild-checkpoint`: the next start begins at the ends that the tables' commits record"
)
# what Spark reads of them at a start: the last batch that was planned, and the one before
READ_AT_START = 2


class Checkpoint:
    """The folder of one query, and beside it the identity of what it was made for."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        self._identity = folder / f"{name}.identity.json"

    def committed_end(self, topic: str) -> Offsets | None:
        """The end of the newest batch that Spark took as done; None without one."""
        done = self._batches("commits")
        return self._offsets(done[-1], topic) if done else None

    def check(self, identity: Mapping[str, str], ends: Mapping[str, Offsets], *, topic: str) -> None:
        """Refuse a checkpoint that is lost, damaged, of other tables, or ahead of a table."""
        written = any(any(end.values()) for end in ends.values())
        if not self.path.exists():
            if written:
                raise CheckpointError(
                    f"the checkpoint {self.path} is lost", found="tables that hold data", remedy=REBUILD
                )
            return
        found = self._belongs_to()
        for key, value in identity.items():
            if found.get(key) != value:
                raise CheckpointError(
                    f"the checkpoint {self.path} belongs to another {key}",
                    found=f"{found.get(key)}, not {value}",
                    remedy=REBUILD,
                )
        self._must_be_whole()
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
        text = json.dumps(dict(identity), indent=1)
        # as bytes: what stands there may be no text
        if self._identity.exists() and self._identity.read_bytes() == text.encode():
            return
        self._identity.parent.mkdir(parents=True, exist_ok=True)
        # as a whole or not at all
        new = self._identity.with_name(f"{self._identity.name}.new")
        new.write_text(text)
        new.replace(self._identity)

    def rebuild(self, identity: Mapping[str, str]) -> None:
        """Keep the old folder under another name, and make an empty one: the query then begins where the tables end."""
        if self.path.exists():
            shutil.move(self.path, self.path.with_name(f"{self.path.name}.set-aside-{time.time_ns()}"))
        self.begin(identity)
        self.path.mkdir()

    def _belongs_to(self) -> dict[str, str]:
        if not self._identity.exists():
            return {}
        try:
            return dict(json.loads(self._identity.read_text()))
        except (ValueError, TypeError) as error:
            raise CheckpointError(
                f"the checkpoint {self.path} is damaged",
                found=f"{self._identity.name}: {error}",
                remedy=REBUILD,
            ) from error

    def _must_be_whole(self) -> None:
        """Each file that Spark reads at a start has its version in the first line, and JSON after it."""
        planned = self._batches("offsets")
        files = ["metadata"] if planned else []
        files += [f"offsets/{batch}" for batch in planned[-READ_AT_START:]]
        files += [f"commits/{batch}" for batch in self._batches("commits")[-READ_AT_START:]]
        for file in files:
            try:
                lines = (self.path / file).read_text().splitlines()
                content = lines if file == "metadata" else lines[1:]
                damage = "" if [json.loads(line) for line in content] else f"no content in {lines}"
            except (OSError, ValueError) as error:
                damage = repr(error)
            if damage:
                raise CheckpointError(
                    f"the checkpoint {self.path} is damaged", found=f"{file}: {damage:.120}", remedy=REBUILD
                )

    def _batches(self, folder: str) -> list[int]:
        """The numbers of the batches that have a file in a folder of the checkpoint."""
        return sorted(int(f.name) for f in (self.path / folder).glob("[0-9]*") if f.name.isdigit())

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
