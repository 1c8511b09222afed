"""What was worked out of what was known at a moment: a folder of Parquet for each table, named by all it depends on.

A question that was asked before is read; where a table, the instruments or the rules changed it has another name.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.lake.known import Question
from jobs.lake.settings import Settings
from tapehouse.paths import ROOT

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame

# what is kept: the entries that were used last, and those that another command may be reading whatever their size
MOST_ENTRIES, MOST_BYTES = 200, 1 << 30
IN_USE_SECONDS = 3600.0
UNFINISHED = ".new-"
PROGRAM = ("transforms/*.py", "jobs/lake/known.py", "jobs/lake/sessions.py", "jobs/lake/configuration.py")


class KnownCache:
    """The entries of one question, under `folder`."""

    def __init__(
        self, folder: Path, question: Question, opened: Mapping[str, "DeltaTable"], settings: Settings
    ) -> None:
        self._folder = folder
        self._depends_on = {
            "moment": question.moment.isoformat(),
            "instruments": question.instruments and sorted(question.instruments),
            "assume_close": question.assume_close,
            # a table that was made anew has another id
            "tables": {name: [str(table.metadata().id), table.version()] for name, table in opened.items()},
            "listings": _hash([settings.instruments]),
            "program": _hash(sorted(file for pattern in PROGRAM for file in ROOT.glob(pattern))),
            "calendars": importlib.metadata.version("exchange_calendars"),
        }

    def entry(self, table: str) -> Path:
        text = json.dumps(self._depends_on | {"table": table}, sort_keys=True)
        return self._folder / hashlib.sha256(text.encode()).hexdigest()[:32]

    def missing(self, tables: Iterable[str]) -> list[str]:
        """The tables that are not worked out yet; the others count as used now."""
        lacking = []
        for table in tables:
            try:
                os.utime(self.entry(table))
            except FileNotFoundError:
                lacking.append(table)
        return lacking

    def keep(self, table: str, frame: "DataFrame") -> None:
        """Work a table out, under a name of its own until it is whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        made = self._folder / f"{UNFINISHED}{uuid.uuid4().hex}"
        frame.write.parquet(made.as_uri())
        try:
            made.rename(self.entry(table))
        except OSError:  # another command was faster: what it made is the same
            if not self.entry(table).is_dir():
                raise
            shutil.rmtree(made)


def prune(folder: Path) -> None:
    """Remove the entries that were used longest ago until the rest is few enough and small enough."""
    size = 0
    for number, (used, entry) in enumerate(_by_use(folder), 1):
        size += sum(file.stat().st_size for file in entry.glob("*"))
        is_over = number > MOST_ENTRIES or size > MOST_BYTES or entry.name.startswith(UNFINISHED)
        if is_over and time.time() - used > IN_USE_SECONDS:
            # another command may be removing it too
            shutil.rmtree(entry, ignore_errors=True)


def _by_use(folder: Path) -> list[tuple[float, Path]]:
    """The entries that are there, and when each was used, the last one first."""
    found = []
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):
            found.append((entry.stat().st_mtime, entry))
    return sorted(found, reverse=True)


def _hash(files: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for file in files:
        content.update(file.read_bytes())
    return content.hexdigest()
