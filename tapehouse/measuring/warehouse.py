"""The warehouse beside the lake: the version that it holds, since when it lacks something, and the last comparison."""

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tapehouse.measuring.catalogue import Sample
from tapehouse.reconcile import JOB as RECONCILE

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from jobs.lake.postgres import Connection
    from jobs.lake.settings import Settings
    from tapehouse.measuring.lake import Lake

WITHOUT_DATA = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END"})
MOST_COMMITS = 2_000  # that are looked at for the first one that is not loaded


class Loaded(NamedTuple):
    """The newest receipt of a table."""

    table: str
    version: int
    at: datetime


class WarehousePart:
    """Keeps when the first commit was made that a table lacks, until it is loaded."""

    def __init__(self, settings: "Settings", lake: "Lake") -> None:
        self._settings, self._lake = settings, lake
        self._behind: dict[str, tuple[Loaded, float]] = {}

    def look(self) -> list[Sample]:
        from jobs.lake.postgres import Connection

        with closing(Connection(self._settings, read_only=True)) as connection:
            if connection.execute("SELECT to_regclass('loads')") == [(None,)]:
                return []
            loads = self._loads(connection)
            compared = self._comparisons(connection)
        found = []
        for opened, loaded in loads:
            found += self._of_table(opened, loaded)
        return [*found, *compared]

    def _loads(self, connection: "Connection") -> "list[tuple[DeltaTable, Loaded]]":
        """The newest receipt of each table of this lake, in a warehouse of the kind that the settings name."""
        rows = connection.execute(
            """SELECT DISTINCT ON (table_name, delta_id) table_name, delta_id, to_version, loaded_at FROM loads
            WHERE starts_with(warehouse, %s) ORDER BY table_name, delta_id, loaded_at DESC""",
            (f"{self._settings.warehouse}:",),
        )
        by_id = {(table, delta_id): Loaded(table, version, at) for table, delta_id, version, at in rows}
        found = []
        for table in sorted({table for table, _ in by_id}):
            opened = self._lake.newest(table)
            if opened is not None and (loaded := by_id.get((table, str(opened.metadata().id)))):
                found.append((opened, loaded))
        return found

    def _of_table(self, opened: "DeltaTable", loaded: Loaded) -> list[Sample]:
        of = (loaded.table,)
        since = self._behind_since(opened, loaded)
        found = [
            Sample("tapehouse_warehouse_version", loaded.version, of),
            Sample("tapehouse_warehouse_loaded_timestamp_seconds", loaded.at.timestamp(), of),
            Sample("tapehouse_warehouse_behind_versions", opened.version() - loaded.version, of),
        ]
        if since is not None:
            found.append(Sample("tapehouse_warehouse_behind_since_timestamp_seconds", since, of))
        return found

    def _behind_since(self, opened: "DeltaTable", loaded: Loaded) -> float | None:
        known = self._behind.get(loaded.table)
        if known and known[0] == loaded:
            return known[1]
        newer = min(opened.version() - loaded.version, MOST_COMMITS)
        if newer <= 0:
            return None
        moments = [
            float(commit["timestamp"]) / 1000
            for commit in opened.history(newer)
            if commit["version"] > loaded.version and commit["operation"] not in WITHOUT_DATA
        ]
        if not moments:
            return None
        self._behind[loaded.table] = loaded, min(moments)
        return min(moments)

    def _comparisons(self, connection: "Connection") -> list[Sample]:
        """Of each table the newest run of `tapehouse reconcile` that compared it."""
        rows = connection.execute(
            """SELECT DISTINCT ON (compared.key) compared.key, compared.value, started_at
            FROM runs, jsonb_each(details -> 'equal') AS compared
            WHERE job = %s AND details ->> 'lake' = %s ORDER BY compared.key, started_at DESC""",
            (RECONCILE, self._settings.processed_url),
        )
        found = []
        for table, is_equal, at in rows:
            found.append(Sample("tapehouse_reconcile_equal", float(bool(is_equal)), (table,)))
            found.append(Sample("tapehouse_reconcile_timestamp_seconds", at.timestamp(), (table,)))
        return found
