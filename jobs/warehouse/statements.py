"""The statements of a load, one text for all engines but for what a dialect spells."""

from collections.abc import Sequence

from jobs.warehouse.checksum import bucket_of
from jobs.warehouse.columns import Column, Shape
from jobs.warehouse.dialect import OPERATION, Dialect
from jobs.warehouse.receipts import COLUMNS, HEAD_COLUMNS, HEADS, LOADS


def create_table(dialect: Dialect, name: str, columns: Sequence[Column]) -> str:
    listed = ", ".join(f"{dialect.name(column.name)} {dialect.type_of(column)}" for column in columns)
    return f"CREATE TABLE IF NOT EXISTS {dialect.name(name)} ({listed})"


def add_column(dialect: Dialect, table: str, column: Column) -> str:
    return (
        f"ALTER TABLE {dialect.name(table)} ADD COLUMN {dialect.name(column.name)} {dialect.type_of(column)}"
    )


def create_staging(dialect: Dialect, staging: str, shape: Shape) -> str:
    columns = (*shape.columns, OPERATION)
    listed = ", ".join(
        f"{dialect.name(column.name)} {dialect.type_of(column, staged=True)}" for column in columns
    )
    return f"CREATE OR REPLACE {dialect.temporary} TABLE {dialect.name(staging)} ({listed})"


def count_staged(dialect: Dialect, staging: str, shape: Shape) -> str:
    """Rows, keys, and rows whose key has a hole."""
    key = dialect.key_text(shape.key_columns, staged=True)
    return f"SELECT COUNT(*), COUNT(DISTINCT {key}), COUNT(*) - COUNT({key}) FROM {dialect.name(staging)}"


def count_changes(dialect: Dialect, table: str, staging: str, shape: Shape) -> str:
    """Staged rows that will be inserted, updated, deleted."""
    there = f"t.{dialect.name(shape.key[0])} IS NOT NULL"
    operation = f"s.{dialect.name(OPERATION.name)}"
    cases = (
        f"{operation} = 'U' AND NOT {there}",
        f"{operation} = 'U' AND {there}",
        f"{operation} = 'D' AND {there}",
    )
    counts = ", ".join(f"COUNT(CASE WHEN {case} THEN 1 END)" for case in cases)
    return (
        f"SELECT {counts} FROM {_source(dialect, staging, shape)} AS s "
        f"LEFT JOIN {dialect.name(table)} AS t ON {_same_key(dialect, shape)}"
    )


def merge(dialect: Dialect, table: str, staging: str, shape: Shape) -> str:
    operation = f"s.{dialect.name(OPERATION.name)}"
    changes = ", ".join(
        f"{dialect.name(column.name)} = s.{dialect.name(column.name)}" for column in shape.others
    )
    update = f"WHEN MATCHED THEN UPDATE SET {changes} " if changes else ""
    names = ", ".join(map(dialect.name, shape.names))
    values = ", ".join(f"s.{dialect.name(name)}" for name in shape.names)
    return (
        f"MERGE INTO {dialect.name(table)} AS t USING {_source(dialect, staging, shape)} AS s "
        f"ON {_same_key(dialect, shape)} WHEN MATCHED AND {operation} = 'D' THEN DELETE {update}"
        f"WHEN NOT MATCHED AND {operation} <> 'D' THEN INSERT ({names}) VALUES ({values})"
    )


def insert_all(dialect: Dialect, table: str, staging: str, shape: Shape) -> str:
    names = ", ".join(map(dialect.name, shape.names))
    values = ", ".join(dialect.from_staged(column, of="s") for column in shape.columns)
    return f"INSERT INTO {dialect.name(table)} ({names}) SELECT {values} FROM {dialect.name(staging)} AS s"


def swap_head(dialect: Dialect) -> str:
    """Delta id, version and load id in, where the table's head still is an older load's."""
    mark, name = dialect.parameter, dialect.name
    return (
        f"UPDATE {name(HEADS)} SET {name('delta_id')} = {mark}, {name('version')} = {mark}, {name('load_id')} = {mark} "
        f"WHERE {name('table_name')} = {mark} AND {name('load_id')} = {mark}"
    )


def forget_head(dialect: Dialect) -> str:
    """The load id stays: the next load's must not be taken for it."""
    mark, name = dialect.parameter, dialect.name
    nothing = f"{name('delta_id')} = '', {name('version')} = -1"
    return f"UPDATE {name(HEADS)} SET {nothing} WHERE {name('table_name')} = {mark}"


def count_other_heads(dialect: Dialect) -> str:
    """Rows of a table's head that another load than this has taken up."""
    mark, name = dialect.parameter, dialect.name
    others = f"{name('load_id')} <> {mark} AND {name('load_id')} <> ''"
    return f"SELECT COUNT(*) FROM {name(HEADS)} WHERE {name('table_name')} = {mark} AND {others}"


def head_of(dialect: Dialect) -> str:
    listed = ", ".join(dialect.name(column.name) for column in HEAD_COLUMNS[1:])
    of_table = f"{dialect.name('table_name')} = {dialect.parameter}"
    return f"SELECT DISTINCT {listed} FROM {dialect.name(HEADS)} WHERE {of_table}"


def make_head(dialect: Dialect) -> str:
    heads, mark = dialect.name(HEADS), dialect.parameter
    listed = ", ".join(dialect.name(column.name) for column in HEAD_COLUMNS)
    return (
        f"INSERT INTO {heads} ({listed}) SELECT {mark}, {mark}, {mark}, {mark} "
        f"WHERE NOT EXISTS (SELECT 1 FROM {heads} WHERE {dialect.name('table_name')} = {mark})"
    )


def write_receipt(dialect: Dialect) -> str:
    """The values of a receipt, and its load id once more: it is written once, however often the statement is sent."""
    mark, loads = dialect.parameter, dialect.name(LOADS)
    names = ", ".join(dialect.name(column.name) for column in COLUMNS)
    values = ", ".join(dialect.time_of(mark) if column.kind == "timestamp" else mark for column in COLUMNS)
    return (
        f"INSERT INTO {loads} ({names}) SELECT {values} "
        f"WHERE NOT EXISTS (SELECT 1 FROM {loads} WHERE {dialect.name('load_id')} = {mark})"
    )


def count_receipts(dialect: Dialect) -> str:
    mark, name = dialect.parameter, dialect.name
    return f"SELECT COUNT(*) FROM {name(LOADS)} WHERE {name('load_id')} = {mark}"


def receipts_of(dialect: Dialect, *, tables: int) -> str:
    """The receipts of some tables, newest first; of all with 0."""
    values = ", ".join(
        dialect.whole(column) if column.kind == "timestamp" else dialect.name(column.name)
        for column in COLUMNS
    )
    listed = ", ".join([dialect.parameter] * tables)
    where = f" WHERE {dialect.name('table_name')} IN ({listed})" if tables else ""
    return (
        f"SELECT {values} FROM {dialect.name(LOADS)}{where} "
        f"ORDER BY {dialect.whole(COLUMNS[-1])} DESC, {dialect.name('load_id')}"
    )


def rows_of_buckets(dialect: Dialect, table: str, shape: Shape, wanted: Sequence[int], buckets: int) -> str:
    """The rows whose keys fall into some buckets, times in whole microseconds."""
    values = ", ".join(
        dialect.whole(column) if column.kind == "timestamp" else dialect.name(column.name)
        for column in shape.columns
    )
    bucket = bucket_of(dialect.hash(dialect.key_text(shape.key_columns)), buckets)
    listed = ", ".join(map(str, wanted))
    return f"SELECT {values} FROM {dialect.name(table)} WHERE {bucket} IN ({listed})"


def _source(dialect: Dialect, staging: str, shape: Shape) -> str:
    """The staged rows with values as the table holds them."""
    values = ", ".join(
        f"{dialect.from_staged(column, of='staged')} AS {dialect.name(column.name)}"
        for column in shape.columns
    )
    operation = f"staged.{dialect.name(OPERATION.name)} AS {dialect.name(OPERATION.name)}"
    return f"(SELECT {values}, {operation} FROM {dialect.name(staging)} AS staged)"


def _same_key(dialect: Dialect, shape: Shape) -> str:
    return " AND ".join(f"t.{dialect.name(name)} = s.{dialect.name(name)}" for name in shape.key)
