"""A version of a table of gold, as the warehouse gets it: its rows, its sums, and what changed since another version.

Worked out by DuckDB in a scratch file: what is larger than memory lies on the disk, in a folder that goes with it.
"""

import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa
import structlog
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from jobs.lake.errors import NoDataError, ServiceError, TapehouseError, UsageError
from jobs.lake.settings import Settings
from jobs.lake.tables import Table
from jobs.warehouse import checksum
from jobs.warehouse.checksum import Sums
from jobs.warehouse.columns import Column, Shape, shape_of
from jobs.warehouse.dialect import DUCKDB, OPERATION

MEMORY = "1GB"
FILE_BYTES = 128 * 2**20  # of a part: the size that a warehouse loads in parallel
log = structlog.get_logger()


class NoTableError(NoDataError):
    """The lake has no such table yet."""


class LostFilesError(TapehouseError):
    """Files that a version of a table is made of are not there."""


class Parts(NamedTuple):
    """Parquet files of rows on the wire, each with the operation that it stands for."""

    files: tuple[Path, ...]
    rows: int

    @property
    def bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files)


class LakeVersion:
    """One version of a table, open until the end of the block."""

    def __init__(self, settings: Settings, table: Table, *, folder: Path, version: int | None = None) -> None:
        self.table, self._folder = table, folder
        self._url = table.url(settings)
        self._options = settings.storage_options()
        self._opened = self._open(version)
        self._sums: Sums | None = None
        self.version = int(self._opened.version())
        self.delta_id = str(self._opened.metadata().id)
        self.shape = shape_of(self._opened, table=table.name, key=table.key)
        folder.mkdir(parents=True)
        self._scratch = duckdb.connect(str(folder / "scratch.duckdb"))
        self._scratch.execute(f"SET memory_limit = '{MEMORY}'")
        self._scratch.execute("SET TimeZone = 'UTC'")
        self._scratch.register("stored", self._opened.to_pyarrow_dataset())
        self._scratch.execute(f"CREATE TEMP VIEW wire AS SELECT {_wire(self.shape)} FROM stored")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()
        shutil.rmtree(self._folder)

    def sums(self) -> Sums:
        """Its rows and checksums: a version does not change, it is read through once."""
        if self._sums is None:
            query = checksum.query(DUCKDB, self.shape, "wire", staged=True)
            self._sums = checksum.read(self.shape, self._rows(query)[0])
        return self._sums

    def sums_by_bucket(self, buckets: int) -> dict[int, Sums]:
        query = checksum.query(DUCKDB, self.shape, "wire", staged=True, buckets=buckets)
        return {int(bucket): checksum.read(self.shape, sums) for bucket, *sums in self._rows(query)}

    def rows_of_buckets(self, wanted: list[int], buckets: int) -> list[tuple[Any, ...]]:
        """The rows whose keys fall into some buckets, times in whole microseconds."""
        key = DUCKDB.hash(DUCKDB.key_text(self.shape.key_columns, staged=True))
        listed = ", ".join(map(str, wanted))
        return self._rows(f"SELECT * FROM wire WHERE {checksum.bucket_of(key, buckets)} IN ({listed})")

    def write_all(self) -> Parts:
        """All its rows as Parquet files to be staged."""
        return self._write("SELECT *, 'U' AS lake_op FROM wire")

    def write_plain(self) -> Parts:
        """All its rows as Parquet files with the lake's own types, for others to read."""
        return self._write("SELECT * FROM stored")

    def write_changes(self, since: int) -> Parts | None:
        """The net change of each key since an older version; None where the change feed cannot say it."""
        try:
            older = DeltaTable(self._url, version=since, storage_options=self._options)
            if shape_of(older, table=self.table.name, key=self.table.key) != self.shape:
                log.warning("change_feed_unusable", table=self.table.name, why="the columns have changed")
                return None
            feed = self._opened.load_cdf(starting_version=since + 1, ending_version=self.version)
            self._scratch.register("incoming", pa.RecordBatchReader.from_stream(feed))
            self._scratch.execute(f"CREATE TEMP TABLE feed AS {_feed(self.shape)}")
            self._scratch.unregister("incoming")
        except (DeltaError, OSError, duckdb.Error) as error:
            log.warning("change_feed_unusable", table=self.table.name, why=" ".join(str(error).split())[:200])
            return None
        ((commits,),) = self._rows("SELECT count(DISTINCT _commit_version) FROM feed")
        return self._write(_net_of_one_commit(self.shape) if commits == 1 else _net_changes(self.shape))

    def _write(self, query: str) -> Parts:
        parts = self._folder / "parts"
        parts.mkdir()
        ((rows,),) = self._rows(
            f"COPY ({query}) TO '{parts}' (FORMAT PARQUET, COMPRESSION SNAPPY, FILE_SIZE_BYTES {FILE_BYTES}, "
            "FILENAME_PATTERN 'part-{i}')"
        )
        return Parts(tuple(sorted(parts.glob("*.parquet"))), int(rows))

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            return self._scratch.execute(query).fetchall()
        except (duckdb.Error, OSError) as error:
            said = " ".join(str(error).split())
            if "not found" in said.lower() or "no such file" in said.lower():
                raise LostFilesError(
                    f"files of version {self.version} of {self.table.name} are gone",
                    found=said[:200],
                    remedy="load the newest version; if it is this one, the S3 store has lost them",
                ) from error
            raise ServiceError(
                f"version {self.version} of {self.table.name} cannot be worked through",
                found=said[:300],
                remedy=f"make room at {self._folder.parent}, or look at the S3 store; then load again",
            ) from error

    def _open(self, version: int | None) -> DeltaTable:
        try:
            return DeltaTable(self._url, version=version, storage_options=self._options)
        except TableNotFoundError as error:
            raise NoTableError(
                f"{self.table.name} does not exist yet",
                found=f"nothing at {self._url}",
                remedy="start the stream, or load history",
            ) from error
        except DeltaError as error:
            raise UsageError(
                f"{self.table.name} has no version {version} any more, or not yet",
                found=" ".join(str(error).split())[:200],
                remedy="leave --version out to load the newest",
            ) from error


def _wire(shape: Shape) -> str:
    return ", ".join(_on_the_wire(column) for column in shape.columns)


def _on_the_wire(column: Column) -> str:
    """A column as it is staged: times as microseconds, values within a value as JSON."""
    name = DUCKDB.name(column.name)
    if column.kind == "timestamp":
        return f"epoch_us({name}) AS {name}"
    if column.kind == "json":
        return f"CASE WHEN {name} IS NOT NULL THEN CAST(to_json({name}) AS VARCHAR) END AS {name}"
    return name


def _feed(shape: Shape) -> str:
    """The change feed on the wire, without what rows were before an update."""
    operation = "CASE WHEN _change_type = 'delete' THEN 'D' ELSE 'U' END"
    return (
        f"SELECT {_wire(shape)}, {operation} AS {OPERATION.name}, _commit_version FROM incoming "
        "WHERE _change_type <> 'update_preimage'"
    )


def _net_changes(shape: Shape) -> str:
    """What each key came to: the last commit that had it, in which a row that came stands above one that went."""
    newest_first = f"_commit_version DESC, {OPERATION.name} DESC"
    return (
        f"SELECT * EXCLUDE (_commit_version) FROM feed "
        f"QUALIFY row_number() OVER (PARTITION BY {_keys(shape)} ORDER BY {newest_first}) = 1"
    )


def _net_of_one_commit(shape: Shape) -> str:
    """The same of a single commit, without sorting: what came, and what went and did not come back."""
    came, went = (
        f"SELECT * EXCLUDE (_commit_version) FROM feed WHERE {OPERATION.name} = '{op}'" for op in "UD"
    )
    return f"{came} UNION ALL SELECT went.* FROM ({went}) AS went ANTI JOIN ({came}) AS came USING ({_keys(shape)})"


def _keys(shape: Shape) -> str:
    return ", ".join(DUCKDB.name(name) for name in shape.key)
