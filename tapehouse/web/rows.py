"""Rows of the lake for the page, a batch at a time: a history of any length is read in little memory."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.compute
    from deltalake import DeltaTable

AT_ONCE = 32_768  # rows in memory
AHEAD = {"batch_readahead": 1, "fragment_readahead": 2, "use_threads": False}


def batches(
    opened: "DeltaTable", columns: list[str], condition: "pyarrow.compute.Expression | None"
) -> "Iterator[pyarrow.RecordBatch]":
    """The rows that meet a condition; files whose statistics rule it out are not read."""
    dataset = opened.to_pyarrow_dataset()
    known = [name for name in columns if name in dataset.schema.names]
    scanner = dataset.scanner(columns=known, filter=condition, batch_size=AT_ONCE, **AHEAD)
    yield from (batch for batch in scanner.to_batches() if batch.num_rows)


def rows(
    opened: "DeltaTable", columns: list[str], condition: "pyarrow.compute.Expression | None"
) -> list[dict[str, Any]]:
    """The same as rows of Python: only where they are few."""
    return [row for batch in batches(opened, columns, condition) for row in batch.to_pylist()]


def newest_partitions(opened: "DeltaTable", column: str, *, most: int) -> list[Any]:
    """The largest values of the column that a table is partitioned by."""
    import pyarrow

    name = f"partition.{column}"
    actions = pyarrow.table(opened.get_add_actions(flatten=True))
    if name not in actions.column_names:
        return []
    found = {value for value in actions.column(name).to_pylist() if value is not None}
    return sorted(found, reverse=True)[:most]
