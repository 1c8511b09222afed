"""The receipt of a load: what a table of the warehouse became, by which change, and how that was proved."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from jobs.warehouse import checksum
from jobs.warehouse.checksum import Sums
from jobs.warehouse.columns import Column

LOADS, HEADS = "lake_loads", "lake_heads"

COLUMNS = (
    Column("load_id", "text"),
    Column("table_name", "text"),
    Column("delta_id", "text"),
    Column("from_version", "integer"),
    Column("to_version", "integer"),
    Column("mode", "text"),
    Column("reason", "text"),
    Column("rows_inserted", "integer"),
    Column("rows_updated", "integer"),
    Column("rows_deleted", "integer"),
    Column("rows_total", "integer"),
    Column("checksums", "json"),
    Column("columns", "json"),
    Column("checksum_version", "integer"),
    Column("bytes_staged", "integer"),
    Column("duration_ms", "integer"),
    Column("query_ids", "json"),
    Column("loaded_at", "timestamp"),
)
HEAD_COLUMNS = (
    Column("table_name", "text"),
    Column("delta_id", "text"),
    Column("version", "integer"),
    Column("load_id", "text"),
)


class Head(NamedTuple):
    """Which version of which Delta table a table of the warehouse is, and the load that made it so."""

    delta_id: str
    version: int
    load_id: str


NOTHING_LOADED = Head("", -1, "")


class Receipt(NamedTuple):
    """A load that was committed. `from_version` is -1 where nothing of this Delta table was there before.

    `mode` is delta (the change feed) or full (all rows), with the `reason` of a full one; `checksums` are over all rows
    of the table by column, `columns` their names and types in order.
    """

    load_id: str
    table_name: str
    delta_id: str
    from_version: int
    to_version: int
    mode: str
    reason: str
    rows_inserted: int
    rows_updated: int
    rows_deleted: int
    rows_total: int
    checksums: dict[str, str]
    columns: list[list[str]]
    checksum_version: int
    bytes_staged: int
    duration_ms: int
    query_ids: list[str]
    loaded_at: datetime

    @property
    def sums(self) -> Sums:
        return Sums(self.rows_total, self.checksums)

    @property
    def is_of_this_checksum(self) -> bool:
        return self.checksum_version == checksum.VERSION

    def values(self) -> list[Any]:
        """As they are stored: what holds values as JSON text, the time in whole microseconds."""
        return [
            json.dumps(value, separators=(",", ":"))
            if column.kind == "json"
            else micros(value)
            if column.kind == "timestamp"
            else value
            for column, value in zip(COLUMNS, tuple[Any, ...](self), strict=True)
        ]

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"loaded_at": self.loaded_at.isoformat().replace("+00:00", "Z")}


def read_receipt(row: Sequence[Any]) -> Receipt:
    """A stored row, its time in whole microseconds."""
    values = [
        json.loads(value)
        if column.kind == "json" and isinstance(value, str)
        else datetime.fromtimestamp(int(value) / 1_000_000, UTC)
        if column.kind == "timestamp"
        else int(value)
        if column.kind == "integer"
        else value
        for column, value in zip(COLUMNS, row, strict=True)
    ]
    return Receipt(**dict(zip(Receipt._fields, values, strict=True)))  # type: ignore[arg-type]


def micros(moment: datetime) -> int:
    """Whole microseconds since 1970; a float would lose them."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
