"""A Delta table followed commit by commit: of each new version only the files that it added are read."""

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from tapehouse.measuring.lake import PATIENCE
from tapehouse.table_files import File, batches_of, store_of

if TYPE_CHECKING:
    import pyarrow.fs
    from deltalake import DeltaTable

# seconds after which a table is looked up anew: of one that was made again no newer commit tells, nor of the first
LOOKED_UP_EVERY, AWAITED_EVERY = 30.0, 1.0
ENTRY = "_delta_log/{:020}.json"


class Change(NamedTuple):
    """What one commit did to the rows. `kind` is what our own commits say of themselves.

    `replaces` says that rows went, too: those that are there have to be read again.
    """

    version: int
    committed_at: float
    kind: str | None
    added: tuple[File, ...]
    replaces: bool


class Follower:
    """One table. `open_newest` says where it is, `changes` what came since."""

    def __init__(self, url: str, options: dict[str, str]) -> None:
        self._url, self.options = url, options | PATIENCE
        self._files: pyarrow.fs.FileSystem | None = None
        self._id, self._looked_up = "", 0.0
        self.version = -1

    def open_newest(self) -> "DeltaTable | None":
        """The table at its newest version, from which `changes` goes on; None where there is none yet."""
        self._looked_up = time.monotonic()
        opened = self.current()
        if opened is None:
            self.version, self._id, self._files = -1, "", None
            return None
        self.version, self._id = int(opened.version()), str(opened.metadata().id)
        self._files = store_of(opened, self.options)
        return opened

    def current(self) -> "DeltaTable | None":
        """The table as it is now; what `changes` gives is not touched by it."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        try:
            return DeltaTable(self._url, storage_options=self.options)
        except TableNotFoundError:
            return None

    def changes(self) -> list[Change] | None:
        """The commits since the last call, the oldest first; None where the table has to be opened anew."""
        every = LOOKED_UP_EVERY if self._files else AWAITED_EVERY
        if time.monotonic() - self._looked_up > every and not self._is_as_known():
            return None
        if self._files is None:
            return []
        found = []
        while (entry := self._entry(self.version + 1)) is not None:
            self.version += 1
            found.append(read_change(self.version, entry))
        return found

    def read(self, file: File, columns: list[str]) -> list[dict[str, Any]]:
        """Rows of a file that a change has added, its partition's values among them."""
        assert self._files is not None
        return [row for batch in batches_of(self._files, file, columns) for row in batch.to_pylist()]

    def _is_as_known(self) -> bool:
        """Whether it is the table that is followed, and no commit of it was cleaned up before it was read."""
        self._looked_up = time.monotonic()
        opened = self.current()
        if opened is None:
            return self.version == -1
        same = str(opened.metadata().id) == self._id
        return same and (opened.version() <= self.version or self._entry(self.version + 1) is not None)

    def _entry(self, version: int) -> bytes | None:
        assert self._files is not None
        try:
            with self._files.open_input_file(ENTRY.format(version)) as opened:
                return bytes(opened.read())
        except FileNotFoundError:
            return None


def read_change(version: int, entry: bytes) -> Change:
    """What a commit's file in the log says."""
    told: dict[str, Any] = {}
    added, removes = [], False
    for line in entry.splitlines():
        action = json.loads(line)
        if "commitInfo" in action:
            told = action["commitInfo"]
        elif "add" in action and action["add"]["dataChange"]:
            add = action["add"]
            added.append(File(unquote(add["path"]), add["size"], add["partitionValues"] or {}))
        elif "remove" in action:
            removes = removes or bool(action["remove"]["dataChange"])
    committed_at = float(told.get("timestamp", 0)) / 1000
    return Change(version, committed_at, _kind(told.get("userMetadata")), tuple(added), removes)


def _kind(metadata: str | None) -> str | None:
    from jobs.lake.progress import read_commit

    commit = read_commit(metadata)
    return commit.kind if commit else None
