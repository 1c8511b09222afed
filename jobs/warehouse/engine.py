"""What every warehouse does for a load; what differs between them is in duckdb_file.py and snowflake.py.

All DDL comes before a transaction: in Snowflake it would end one.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jobs.lake.errors import SchemaError, TapehouseError, UsageError
from jobs.warehouse import checksum, statements
from jobs.warehouse.checksum import Sums
from jobs.warehouse.columns import Shape
from jobs.warehouse.dialect import Dialect
from jobs.warehouse.receipts import (
    COLUMNS,
    HEAD_COLUMNS,
    HEADS,
    LOADS,
    NOTHING_LOADED,
    Head,
    Receipt,
    read_receipt,
)

Row = tuple[Any, ...]


class WarehouseError(TapehouseError):
    """The warehouse cannot be reached, refuses, or answers an error."""


class SessionEndedError(WarehouseError):
    """The session with the warehouse is over, and with it what was not committed: open another."""


class HeadMovedError(WarehouseError):
    """Another loader came first: nothing of this load was committed."""


class NotEqualError(WarehouseError):
    """The table would not have been what the lake says: rolled back. `differ` names what of the two is not the same."""

    def __init__(self, table: str, differ: list[str], *, in_full: bool) -> None:
        super().__init__(
            f"{table} in the warehouse would not equal the lake",
            found=f"they differ in {', '.join(differ)}",
            remedy="load again; if it stays so, the warehouse makes other values of what it is sent: tell its keepers",
        )
        self.in_full = in_full


class Warehouse(ABC):
    """A connection to a warehouse; `address` says which one, in receipts of the ledger."""

    dialect: Dialect
    address: str
    purpose: str = "tapehouse"
    queries: list[str]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]: ...

    @abstractmethod
    def ask(self, query: str) -> Any:
        """The answer to a reader's question, as Arrow."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def stored_types(self, table: str) -> dict[str, str]:
        """Columns of a table by name, in lower case, with their types as the dialect spells them; none: no table."""

    @abstractmethod
    def stage(self, attempt: str, shape: Shape, parts: Sequence[Path]) -> str:
        """Bring the files into a staging table of this attempt's own; its name."""

    @abstractmethod
    def clean(self, attempt: str) -> None:
        """Remove what an attempt has staged."""

    @abstractmethod
    def clean_leftovers(self) -> list[str]:
        """Remove what attempts that died have left, once they are a day old; which."""

    def begin(self, purpose: str) -> None:
        """Begin a new list of `queries`: what the warehouse calls the statements from now on, which are for this."""
        self.purpose, self.queries = purpose, []

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """What is done within a block is done as one, or not at all."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
        except SessionEndedError:
            raise  # the warehouse has rolled back by itself
        except BaseException as error:
            self._roll_back(error)
            raise
        self.execute("COMMIT")

    def _roll_back(self, because: BaseException) -> None:
        """Undo the transaction; where that cannot be said to the warehouse, its session must not be used any more."""
        try:
            self.execute("ROLLBACK")
        except WarehouseError as error:
            if isinstance(because, Exception):
                raise SessionEndedError(
                    "the warehouse could not be told to roll back", found=error.found, remedy=error.remedy
                ) from because

    def prepare(self) -> None:
        """Make the tables of heads and receipts where there are none."""
        self.execute(statements.create_table(self.dialect, HEADS, HEAD_COLUMNS))
        self.execute(statements.create_table(self.dialect, LOADS, COLUMNS))

    def ensure(self, table: str, shape: Shape) -> str | None:
        """Make the table, or add the columns that are new; why it must be filled anew, None if it need not."""
        stored = self.stored_types(table)
        if not stored:
            self._forget_head(table)
            self.execute(statements.create_table(self.dialect, table, shape.columns))
            return "the warehouse had no such table"
        wanted = {column.name: self.dialect.type_of(column) for column in shape.columns}
        changed = [
            f"{name} is {kind}, the lake's is {wanted.get(name, 'gone')}"
            for name, kind in stored.items()
            if wanted.get(name) != kind
        ]
        if changed:
            raise SchemaError(
                f"columns of {table} in the warehouse are not the lake's any more",
                found="; ".join(changed),
                remedy=f"rename the table there (ALTER TABLE {table} RENAME TO {table}_old) and load again",
            )
        new = [column for column in shape.columns if column.name not in stored]
        if new:
            self._forget_head(table)
        for column in new:
            self.execute(statements.add_column(self.dialect, table, column))
        return f"new columns: {', '.join(column.name for column in new)}" if new else None

    def head(self, table: str) -> Head:
        """Which version the table is; the row is made where there is none."""
        found = self.stored_head(table)
        if found is None:
            self.execute(statements.make_head(self.dialect), [table, *NOTHING_LOADED, table])
            found = self.stored_head(table)
        return found or NOTHING_LOADED

    def stored_head(self, table: str) -> Head | None:
        """Which version the table is; None where no loader has come to it."""
        rows = self.execute(statements.head_of(self.dialect), [table])
        heads = [Head(str(delta_id), int(version), str(load_id)) for delta_id, version, load_id in rows]
        # of loaders that came first at one moment each may have made a row: those that nobody took up say nothing
        taken = [head for head in heads if head.load_id] or heads[:1]
        if len(taken) > 1:
            raise WarehouseError(
                f"{HEADS} holds {len(taken)} different heads of {table}",
                found="; ".join(map(str, taken)),
                remedy=f"somebody has edited {HEADS}: delete the table's rows there, and load again",
            )
        return taken[0] if taken else None

    def _forget_head(self, table: str) -> None:
        """Say that the table is no version, before it is made or widened: a loader that dies then has not loaded it."""
        self.execute(statements.forget_head(self.dialect), [table])

    def swap_head(self, table: str, old: Head, new: Head) -> None:
        """Say which version the table is now; refused if another load has done so since `old` was read."""
        rows = self.execute(statements.swap_head(self.dialect), [*new, table, old.load_id])
        others = self.execute(statements.count_other_heads(self.dialect), [table, new.load_id])
        if int(rows[0][0]) == 0 or int(others[0][0]) > 0:
            raise HeadMovedError(
                f"another loader has changed {table} meanwhile",
                found=f"its head is no longer load {old.load_id or 'none'}",
                remedy="load again",
            )

    def change(self, table: str, staging: str, shape: Shape, *, anew: bool) -> tuple[int, int, int]:
        """Bring the staged rows into the table, or make it anew of them: rows inserted, updated, deleted."""
        dialect = self.dialect
        if anew:
            ((before,),) = self.execute(f"SELECT COUNT(*) FROM {dialect.name(table)}")
            self.execute(f"DELETE FROM {dialect.name(table)}")
            self.execute(statements.insert_all(dialect, table, staging, shape))
            ((after,),) = self.execute(f"SELECT COUNT(*) FROM {dialect.name(table)}")
            return int(after), 0, int(before)
        ((inserted, updated, deleted),) = self.execute(
            statements.count_changes(dialect, table, staging, shape)
        )
        if inserted or updated or deleted:
            self.execute(statements.merge(dialect, table, staging, shape))
        return int(inserted), int(updated), int(deleted)

    def sums(self, table: str, shape: Shape) -> Sums:
        """Rows and checksums of the table as it stands."""
        query = checksum.query(self.dialect, shape, self.dialect.name(table))
        return checksum.read(shape, self.execute(query)[0])

    def sums_by_bucket(self, table: str, shape: Shape, buckets: int) -> dict[int, Sums]:
        query = checksum.query(self.dialect, shape, self.dialect.name(table), buckets=buckets)
        return {int(bucket): checksum.read(shape, sums) for bucket, *sums in self.execute(query)}

    def rows_of_buckets(self, table: str, shape: Shape, wanted: Sequence[int], buckets: int) -> list[Row]:
        """The rows whose keys fall into some buckets, times in whole microseconds."""
        return self.execute(statements.rows_of_buckets(self.dialect, table, shape, wanted, buckets))

    def write_receipt(self, receipt: Receipt) -> None:
        self.execute(statements.write_receipt(self.dialect), [*receipt.values(), receipt.load_id])
        ((written,),) = self.execute(statements.count_receipts(self.dialect), [receipt.load_id])
        if int(written) != 1:
            raise WarehouseError(
                f"{LOADS} holds {written} receipts of load {receipt.load_id} instead of one",
                remedy="load again: this one is rolled back",
            )

    def receipts(self, tables: Sequence[str] = ()) -> list[Receipt]:
        """Receipts of some tables, or of all, newest first."""
        if not self.stored_types(LOADS):
            return []
        rows = self.execute(statements.receipts_of(self.dialect, tables=len(tables)), list(tables))
        return [read_receipt(row) for row in rows]


def not_answered(error: Exception, query: str) -> UsageError:
    return UsageError(
        f"the query cannot be answered: {' '.join(str(error).split())[:300]}",
        found=query[:200],
        remedy="tables are called as in the lake: `show tables`",
    )
