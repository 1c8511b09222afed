"""The warehouse without an account: a DuckDB file. DuckDB lets one process in, so that readers get a copy.

`loader.duckdb` is the loader's own; `warehouse.duckdb` is a copy of it, put in place by a rename when the loader ends:
who reads it sees whole versions only, and holds nobody up.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa

from jobs.lake.errors import NoDataError
from jobs.lake.failpoints import reached
from jobs.warehouse.columns import Shape
from jobs.warehouse.dialect import DUCKDB
from jobs.warehouse.engine import Row, Warehouse, WarehouseError, not_answered
from jobs.warehouse.statements import create_staging

LOADERS, PUBLISHED, LOCK = "loader.duckdb", "warehouse.duckdb", "loader.lock"
SCHEMA = "gold"
MEMORY = "1GB"
WAIT = 60.0  # seconds for another loader
HOLDER = re.compile(r"PID (\d+)")


class DuckDBFile(Warehouse):
    """The loader's own file, open until `close`, which publishes what is in it."""

    dialect = DUCKDB

    def __init__(self, folder: Path, *, wait: float = WAIT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / LOADERS
        deadline = time.monotonic() + wait
        self._lock = _lock(folder / LOCK, deadline, wait)
        try:
            self._begin(folder, _open(self._file, deadline, wait))
            self.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            self.execute(f"USE {SCHEMA}")
        except BaseException:
            self._lock.close()
            raise

    def _begin(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.address = f"duckdb:{folder}"
        self.begin("tapehouse")
        self._connection = connection
        self.execute(f"SET memory_limit = '{MEMORY}'")
        self.execute("SET TimeZone = 'UTC'")

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        try:
            return self._connection.execute(sql, list(parameters)).fetchall()
        except duckdb.Error as error:
            raise WarehouseError(
                f"the warehouse {self._file} answers an error",
                found=" ".join(str(error).split())[:500],
                remedy="look at the file and at the room on its disk; what is not committed was not done: load again",
            ) from error

    def ask(self, query: str) -> pa.RecordBatchReader:
        try:
            self._connection.execute("SET enable_external_access = false")
            return self._connection.sql(query).to_arrow_reader()
        except duckdb.Error as error:
            raise not_answered(error, query) from error

    def close(self) -> None:
        """Publish what was committed, before the next loader is let in."""
        with self._lock:
            self._connection.execute("CHECKPOINT")
            self._connection.close()
            publish(self._file.parent)

    def stored_types(self, table: str) -> dict[str, str]:
        rows = self.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? AND table_name = ? "
            "ORDER BY column_index",
            [SCHEMA, table],
        )
        return {str(name): str(kind) for name, kind in rows}

    def stage(self, attempt: str, shape: Shape, parts: Sequence[Path]) -> str:
        staging = f"stg_{attempt}"
        self.execute(create_staging(self.dialect, staging, shape))
        reached("warehouse.put")
        if parts:
            self.execute(
                f"INSERT INTO {self.dialect.name(staging)} BY NAME SELECT * FROM read_parquet(?)",
                [[str(part) for part in parts]],
            )
        return staging

    def clean(self, attempt: str) -> None:
        self.execute(f"DROP TABLE IF EXISTS {self.dialect.name(f'stg_{attempt}')}")

    def clean_leftovers(self) -> list[str]:
        """There are none: a temporary table ends with its process."""
        return []


class PublishedDuckDBFile(DuckDBFile):
    """What the newest loader has published; it is only read, by as many as like."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / PUBLISHED
        if not self._file.exists():
            raise NoDataError(
                "nothing has been loaded into the warehouse yet",
                found=f"no {self._file}",
                remedy="load gold: `tapehouse load --all`",
            )
        self._begin(folder, duckdb.connect(str(self._file), read_only=True))
        self.execute(f"USE {SCHEMA}")

    def close(self) -> None:
        self._connection.close()


def publish(folder: Path) -> None:
    """Put a copy of the loader's file where readers look, unless it is there."""
    loaders, published = folder / LOADERS, folder / PUBLISHED
    if published.exists() and _mark(published) == _mark(loaders):
        return
    new = folder / f"{PUBLISHED}.new"
    shutil.copy2(loaders, new)
    with new.open("rb") as copy:
        os.fsync(copy.fileno())
    reached("warehouse.publish")
    os.replace(new, published)


def _mark(file: Path) -> tuple[int, int]:
    """When it was changed and how long it is: a copy has both of what it is a copy of."""
    return file.stat().st_mtime_ns, file.stat().st_size


def _lock(file: Path, deadline: float, wait: float) -> IO[str]:
    """The loaders' lock, which ends with the process that holds it.

    DuckDB's own would be lost while the file is copied: it ends when a process closes the file for the first time.
    """
    lock = file.open("a+")
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                lock.close()
                raise _held(file.parent, holder, wait) from None
            time.sleep(0.1)
        else:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            return lock


def _open(file: Path, deadline: float, wait: float) -> duckdb.DuckDBPyConnection:
    """The file, once no other program has it."""
    while True:
        try:
            return duckdb.connect(str(file))
        except duckdb.IOException as error:
            holder = HOLDER.search(str(error))
            if holder is None:
                raise WarehouseError(
                    f"the warehouse {file} cannot be opened",
                    found=" ".join(str(error).split())[:300],
                    remedy="look at the file, its folder and the room on its disk",
                ) from error
            if time.monotonic() > deadline:
                raise _held(file.parent, holder[1], wait) from error
            time.sleep(0.1)


def _held(folder: Path, pid: str, wait: float) -> WarehouseError:
    return WarehouseError(
        f"another program has the warehouse in {folder}",
        found=f"pid {pid} has had it for {wait:.0f} s",
        remedy=f"wait for it, or stop it; readers open {PUBLISHED}, which nobody holds",
    )
