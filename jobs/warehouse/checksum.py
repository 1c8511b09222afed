"""One checksum for each column over (key, value), the same number in the lake and in every engine.

Version 1. h = the lower 64 bits of MD5 of the key's text; per lane, a prime p: the sum over the rows with a value of
(h mod p) x (v mod (p - 1) + p), where v is the whole number that stands for the value. A row's value counts times what
its key gives, so that two values that changed places are seen; none counts 0, as no value does. Two lanes of 31 bits:
what differs goes unseen once in 4 x 10^18.
"""

from collections.abc import Sequence
from typing import NamedTuple

from jobs.warehouse.columns import Column, Shape
from jobs.warehouse.dialect import Dialect

VERSION = 1
LANES = (2_147_483_647, 2_147_483_629)


class Sums(NamedTuple):
    """The rows of a table, and each column's checksum by its name."""

    rows: int
    checksums: dict[str, str]

    def differences(self, other: "Sums") -> list[str]:
        """What of the two is not the same: `rows`, and names of columns."""
        names = [name for name in self.checksums if self.checksums[name] != other.checksums.get(name)]
        return [*(["rows"] if self.rows != other.rows else []), *names]


def query(dialect: Dialect, shape: Shape, relation: str, *, staged: bool = False, buckets: int = 0) -> str:
    """The rows of a relation and its sums, two a column; by bucket of the key with `buckets`."""
    hashed = f"SELECT *, {dialect.hash(dialect.key_text(shape.key_columns, staged=staged))} AS key_hash FROM {relation}"
    multipliers = ", ".join(
        f"CAST(MOD(key_hash, {prime}) AS {dialect.whole_number}) AS key_{lane}"
        for lane, prime in enumerate(LANES)
    )
    bucket = f", {bucket_of('key_hash', buckets)} AS bucket" if buckets else ""
    values = ", ".join(_whole(dialect, column, staged=staged) for column in shape.columns)
    worked = f"SELECT {multipliers}{bucket}, {values} FROM ({hashed}) AS hashed"
    sums = ", ".join(_sum(dialect, column, lane) for column in shape.columns for lane in range(len(LANES)))
    if not buckets:
        return f"SELECT COUNT(*), {sums} FROM ({worked}) AS worked"
    return f"SELECT bucket, COUNT(*), {sums} FROM ({worked}) AS worked GROUP BY bucket ORDER BY bucket"


def bucket_of(key_hash: str, buckets: int) -> str:
    """Into which bucket a key falls; -1 where it has a hole."""
    return f"COALESCE(MOD({key_hash}, {buckets}), -1)"


def read(shape: Shape, row: Sequence[object]) -> Sums:
    """The answer to `query`, without its bucket."""
    count, *sums = [int(str(value or 0)) for value in row]
    lanes = len(LANES)
    return Sums(
        count,
        {
            name: "-".join(map(str, sums[lanes * position : lanes * (position + 1)]))
            for position, name in enumerate(shape.names)
        },
    )


def _whole(dialect: Dialect, column: Column, *, staged: bool) -> str:
    return f"{dialect.whole(column, staged=staged)} AS {_value(column)}"


def _value(column: Column) -> str:
    return f"value_of_{column.name}"


def _sum(dialect: Dialect, column: Column, lane: int) -> str:
    prime = LANES[lane]
    # no COALESCE: DuckDB would work a text's hash out for each lane
    value = f"(CAST(MOD({_value(column)}, {prime - 1}) AS {dialect.whole_number}) + {prime})"
    return f"CAST(SUM(CAST(key_{lane} * {value} AS {dialect.whole_number})) AS VARCHAR)"
