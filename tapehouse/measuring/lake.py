"""The lake's tables by their logs alone: version, commit, newest value, size. No data is read, and no JVM started."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from tapehouse.delta import TABLES, newest_in, url_of
from tapehouse.measuring.catalogue import Sample
from tapehouse.status_report import NEWEST_BY as OF_STREAM

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from jobs.lake.settings import Settings

# the column of each table that says how new it is
NEWEST_BY = OF_STREAM | {
    "bronze.history": "fetched_at",
    "silver.history_rejected": "fetched_at",
    "silver.bars_1d": "session",
    "silver.actions": "ex_date",
    "silver.vendor_bars_1m": "bar_start",
    "gold.bars_1d": "session",
    "gold.bars_1d_versions": "session",
    "gold.actions": "ex_date",
    "gold.adjusted_bars_1d": "session",
    "gold.indicators_1d": "session",
    "gold.minutes": "bar_start",
}
# seconds after which a table is opened anew: of one that was deleted and made again no newer commit tells
FOLLOWED_FOR = 600.0
# a store that is away is given up soon: the other parts wait meanwhile
PATIENCE = {"connect_timeout": "3s", "timeout": "15s", "max_retries": "2", "retry_timeout": "15s"}


class Version(NamedTuple):
    """Which version of which table: one that was made anew has another id."""

    delta_id: str
    number: int


class Lake:
    """The tables, opened and then followed commit by commit; all parts that look at them share it."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self.options = settings.storage_options() | PATIENCE
        self._opened: dict[str, tuple[DeltaTable, float]] = {}

    def newest(self, table: str) -> "DeltaTable | None":
        """The table at its newest version, None where there is none yet."""
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        # one that fails below is opened anew at the next look
        opened, since = self._opened.pop(table, (None, 0.0))
        if opened is None or time.monotonic() - since > FOLLOWED_FOR:
            try:
                opened = DeltaTable(url_of(table, self._settings), storage_options=self.options)
            except TableNotFoundError:
                return None
            since = time.monotonic()
        else:
            opened.update_incremental()
        self._opened[table] = opened, since
        return opened


def version_of(opened: "DeltaTable") -> Version:
    return Version(str(opened.metadata().id), int(opened.version()))


class LakePart:
    """What the logs say; kept for each table until its version changes."""

    def __init__(self, lake: Lake, tables: Iterable[str] = TABLES) -> None:
        self._lake, self._tables = lake, tuple(tables)
        self._known: dict[str, tuple[Version, list[Sample]]] = {}

    def look(self) -> list[Sample]:
        found = []
        for table in self._tables:
            opened = self._lake.newest(table)
            if opened is None:
                continue
            version = version_of(opened)
            if table not in self._known or self._known[table][0] != version:
                self._known[table] = version, _measure(table, opened, version.number)
            found += self._known[table][1]
        return found


def _measure(table: str, opened: "DeltaTable", version: int) -> list[Sample]:
    import pyarrow

    # one that was made meanwhile may stand before it
    commit = next(one for one in opened.history(1) if one["version"] >= version)
    actions = pyarrow.table(opened.get_add_actions(flatten=True))
    newest = newest_in(actions, NEWEST_BY.get(table))
    told = {
        "version": version,
        "committed_timestamp_seconds": commit["timestamp"] / 1000,
        "newest_timestamp_seconds": newest.timestamp() if newest else None,
        "rows": sum(rows or 0 for rows in actions.column("num_records").to_pylist()),
        "files": actions.num_rows,
        "bytes": sum(actions.column("size_bytes").to_pylist()),
    }
    return [
        Sample(f"tapehouse_table_{name}", value, (table,))
        for name, value in told.items()
        if value is not None
    ]
