"""The columns of a table in the warehouse, as the lake's version has them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

from jobs.lake.errors import SchemaError

if TYPE_CHECKING:
    from deltalake import DeltaTable

DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")
KINDS = {
    "string": "text",
    "long": "integer",
    "integer": "integer",
    "double": "double",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


class Column(NamedTuple):
    """A column; `precision` and `scale` are of a decimal. What holds values within a value is JSON text: `json`."""

    name: str
    kind: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"{self.kind}({self.precision},{self.scale})" if self.kind == "decimal" else self.kind


class Shape(NamedTuple):
    """The columns of a table in their order, and the names of those that are its key."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def key_columns(self) -> tuple[Column, ...]:
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.key)

    @property
    def others(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.name not in self.key)

    @classmethod
    def of_typed(cls, typed: Sequence[Sequence[str]], key: tuple[str, ...]) -> Self:
        """The shape that `typed` was made of."""
        columns = []
        for name, kind in typed:
            decimal = DECIMAL.fullmatch(kind)
            columns.append(
                Column(name, "decimal", int(decimal[1]), int(decimal[2])) if decimal else Column(name, kind)
            )
        return cls(tuple(columns), key)

    def typed(self) -> list[list[str]]:
        """Name and type of each, as a receipt says what its checksums cover."""
        return [[column.name, str(column)] for column in self.columns]


def shape_of(opened: "DeltaTable", *, table: str, key: tuple[str, ...]) -> Shape:
    """The shape of a version of the lake's table."""
    columns = tuple(_column(field.name, field.type, table) for field in opened.schema().fields)
    missing = set(key) - {column.name for column in columns}
    if missing:
        raise SchemaError(
            f"{table} has no column {', '.join(sorted(missing))}, which is of its key",
            found=", ".join(column.name for column in columns),
            remedy="load a version that this program wrote",
        )
    return Shape(columns, key)


def _column(name: str, of_delta: object, table: str) -> Column:
    kind = getattr(of_delta, "type", "")
    if decimal := DECIMAL.fullmatch(kind):
        return Column(name, "decimal", int(decimal[1]), int(decimal[2]))
    if kind in ("array", "struct", "map"):
        return Column(name, "json")
    if kind not in KINDS:
        raise SchemaError(
            f"{table}.{name} is of a type that no warehouse column stands for",
            found=str(of_delta),
            remedy=f"known are {', '.join(KINDS)}, decimals, arrays, structs and maps",
        )
    return Column(name, KINDS[kind])
