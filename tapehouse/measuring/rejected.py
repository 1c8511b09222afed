"""Rejected rows by rule: of each file of a table its rows are counted once, by the one column that says why."""

import time
from collections import Counter
from typing import TYPE_CHECKING

from tapehouse.measuring.catalogue import Sample
from tapehouse.measuring.lake import Version, version_of
from tapehouse.table_files import batches_of, files_of, store_of

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from tapehouse.measuring.lake import Lake

TABLES = ("silver.rejected", "silver.history_rejected")
COLUMN = "violations"
SECONDS_EACH = 10.0  # of one look at a table: the rest of a long one is counted by the next


class RejectedPart:
    """Keeps the counts of each file. A table of which not all files are counted yet is not shown."""

    def __init__(self, lake: "Lake") -> None:
        self._lake = lake
        self._counted: dict[str, dict[str, Counter[str]]] = {table: {} for table in TABLES}
        self._whole: dict[str, Version] = {}  # the version of each table that is counted to the end

    def look(self) -> list[Sample]:
        found = []
        for table in TABLES:
            opened = self._lake.newest(table)
            if opened is None or not self._count(table, opened):
                continue
            total: Counter[str] = sum(self._counted[table].values(), Counter())
            found += [
                Sample("tapehouse_rows_rejected_total", rows, (table, rule))
                for rule, rows in sorted(total.items())
            ]
        return found

    def _count(self, table: str, opened: "DeltaTable") -> bool:
        """Count the files that are new in this version and forget those that went; whether that was done in time."""
        version = version_of(opened)
        if self._whole.get(table) == version:
            return True
        deadline = time.monotonic() + SECONDS_EACH
        counted = self._counted[table]
        files = {file.path: file for file in files_of(opened)}
        store = store_of(opened, self._lake.options)
        for path in counted.keys() - files.keys():
            del counted[path]  # compaction writes the same rows into another file
        for path in sorted(files.keys() - counted.keys()):
            if time.monotonic() > deadline:
                return False
            rules: Counter[str] = Counter()
            for batch in batches_of(store, files[path], [COLUMN]):
                rules.update(batch.column(COLUMN).flatten().to_pylist())
            counted[path] = rules
        self._whole[table] = version
        return True
