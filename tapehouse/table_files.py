"""Rows of a Delta table, file by file and a batch at a time, in little memory.

Datasets of pyarrow read ahead, more than a small server has room for.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.fs
    import pyarrow.parquet
    from deltalake import DeltaTable

AT_ONCE = 16_384  # rows in memory
SMALL = 8 << 20  # bytes: such a file is read by one request


class Where(NamedTuple):
    """Which rows: those with these values, and with a value of a column that is not before another."""

    equal: Mapping[str, str] = {}
    since: tuple[str, date] | None = None


class File(NamedTuple):
    """A file of rows; `partition` are the values of the columns that the table is partitioned by."""

    path: str
    size: int
    partition: Mapping[str, str | None]
    low: Mapping[str, Any] = {}
    high: Mapping[str, Any] = {}


EVERYTHING = Where()


def files_of(opened: "DeltaTable") -> list[File]:
    """The files of a version, with what its log says of their values."""
    import pyarrow

    actions = pyarrow.table(opened.get_add_actions(flatten=True))
    found = []
    for row in actions.to_pylist():
        parts = {
            kind: {
                name.removeprefix(f"{kind}."): value
                for name, value in row.items()
                if name.startswith(f"{kind}.")
            }
            for kind in ("partition", "min", "max")
        }
        partition = {
            name: None if value is None else str(value) for name, value in parts["partition"].items()
        }
        found.append(File(unquote(row["path"]), row["size_bytes"], partition, parts["min"], parts["max"]))
    return found


def store_of(opened: "DeltaTable", options: dict[str, str]) -> "pyarrow.fs.FileSystem":
    """Where the files of a table lie."""
    import pyarrow.fs
    from deltalake.fs import DeltaStorageHandler

    return pyarrow.fs.PyFileSystem(DeltaStorageHandler(opened.table_uri, options))


def batches(
    opened: "DeltaTable", options: dict[str, str], columns: list[str], where: Where = EVERYTHING
) -> "Iterator[pyarrow.RecordBatch]":
    """The rows that are asked for; files whose statistics rule them out are not read."""
    store = store_of(opened, options)
    for file in files_of(opened):
        if _may_hold(file, where):
            yield from batches_of(store, file, columns, where)


def rows(
    opened: "DeltaTable", options: dict[str, str], columns: list[str], where: Where = EVERYTHING
) -> list[dict[str, Any]]:
    """The same as rows of Python: only where they are few."""
    return [row for batch in batches(opened, options, columns, where) for row in batch.to_pylist()]


def batches_of(
    store: "pyarrow.fs.FileSystem", file: File, columns: list[str], where: Where = EVERYTHING
) -> "Iterator[pyarrow.RecordBatch]":
    """The rows of one file, its partition's values among them; a column that it has not is not there."""
    import pyarrow
    import pyarrow.parquet

    with store.open_input_file(file.path) as opened:
        source = pyarrow.BufferReader(opened.read()) if file.size <= SMALL else opened
        stored = pyarrow.parquet.ParquetFile(source, memory_map=False)
        asked = [*columns, *where.equal, *([where.since[0]] if where.since else [])]
        wanted = [name for name in dict.fromkeys(asked) if name in stored.schema_arrow.names]
        groups = _groups(stored.metadata, where)
        for batch in stored.iter_batches(AT_ONCE, row_groups=groups, columns=wanted, use_threads=False):
            found = _kept(batch, where)
            if found.num_rows:
                yield _whole(found.select([name for name in wanted if name in columns]), file, columns)


def newest_partitions(opened: "DeltaTable", column: str, *, most: int) -> list[date]:
    """The largest days that a table is partitioned by."""
    found = {file.partition.get(column) for file in files_of(opened)}
    return sorted((date.fromisoformat(day) for day in found if day), reverse=True)[:most]


def _may_hold(file: File, where: Where) -> bool:
    for name, value in where.equal.items():
        if name in file.partition and file.partition[name] != value:
            return False
        if not _is_between(value, file.low.get(name), file.high.get(name)):
            return False
    if where.since is None:
        return True
    name, first = where.since
    if name in file.partition:
        return str(file.partition[name]) >= str(first)
    high = file.high.get(name)
    return high is None or (high.date() if isinstance(high, datetime) else high) >= first


def _is_between(value: Any, low: Any, high: Any) -> bool:
    # statistics of long texts are cut
    return (low is None or low <= value) and (high is None or high >= value or value.startswith(high))


def _groups(metadata: "pyarrow.parquet.FileMetaData", where: Where) -> list[int]:
    """The row groups whose statistics do not rule out what is equal."""
    places = {metadata.schema.column(number).name: number for number in range(metadata.num_columns)}
    found = []
    for group in range(metadata.num_row_groups):
        told = {
            name: metadata.row_group(group).column(places[name]).statistics
            for name in where.equal
            if name in places
        }
        if all(
            one is None or not one.has_min_max or _is_between(where.equal[name], one.min, one.max)
            for name, one in told.items()
        ):
            found.append(group)
    return found


def _kept(batch: "pyarrow.RecordBatch", where: Where) -> "pyarrow.RecordBatch":
    import pyarrow.compute as pc

    for name, value in where.equal.items():
        if name in batch.schema.names:
            batch = batch.filter(pc.equal(batch.column(name), value))
    if where.since and where.since[0] in batch.schema.names:
        batch = batch.filter(pc.greater_equal(batch.column(where.since[0]), where.since[1]))
    return batch


def _whole(batch: "pyarrow.RecordBatch", file: File, columns: list[str]) -> "pyarrow.RecordBatch":
    """The batch with its partition's values; those that are days as days."""
    import pyarrow

    for name, value in file.partition.items():
        if name in columns:
            values = pyarrow.array([value] * batch.num_rows, pyarrow.string())
            if name in {"session", "kafka_date"}:
                values = values.cast(pyarrow.date32())
            batch = batch.append_column(name, values)
    return batch
