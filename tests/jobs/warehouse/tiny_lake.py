"""A table of gold, small and made without Spark, in as many versions as a test wants."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import types as T

from jobs.lake.tables import CHANGE_FEED, Table

TINY = Table(
    "gold.tiny", "Bars of a test.", T.StructType(), ("symbol", "bar_start"), None, "nobody", CHANGE_FEED
)
SCHEMA = pa.schema([
    ("symbol", pa.string()),
    ("bar_start", pa.timestamp("us", "UTC")),
    ("session", pa.date32()),
    ("close", pa.decimal128(18, 6)),
    ("adjusted", pa.decimal128(28, 12)),
    ("volume", pa.int64()),
    ("row", pa.int32()),
    ("factor", pa.float64()),
    ("is_final", pa.bool_()),
    ("flags", pa.list_(pa.string())),
])
START = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
SAME_ROW = "target.symbol = source.symbol AND target.bar_start = source.bar_start"


def bar(number: int, **values: Any) -> dict[str, Any]:
    """The bar of a number, with some values of its own; some of the others are null."""
    return {
        "symbol": f"S{number % 7}",
        "bar_start": START + timedelta(minutes=number, microseconds=number % 3),
        "session": date(2026, 11, 24) - timedelta(number % 5),
        "close": Decimal(number * 1_000_001) / 1_000_000,
        "adjusted": None if number % 11 == 0 else Decimal(number * 7) / Decimal(10**12),
        "volume": None if number % 13 == 0 else number * 100,
        "row": number,
        "factor": number / 7,
        "is_final": None if number % 17 == 0 else number % 2 == 0,
        "flags": None if number % 5 == 0 else ["stale", 'a "quoted" |'][: number % 3],
    } | values


def bars(numbers: Iterable[int], **values: Any) -> pa.Table:
    return pa.Table.from_pylist([bar(number, **values) for number in numbers], schema=SCHEMA)


class TinyLake:
    """The table in a folder; each call makes a version of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = str(folder / "gold" / "tiny")

    @property
    def table(self) -> DeltaTable:
        return DeltaTable(self.path)

    def append(self, rows: pa.Table, **options: Any) -> None:
        configuration = {"delta.enableChangeDataFeed": "true"}
        write_deltalake(self.path, rows, mode="append", configuration=configuration, **options)

    def overwrite(self, rows: pa.Table, **options: Any) -> None:
        write_deltalake(self.path, rows, mode="overwrite", **options)

    def merge(self, rows: pa.Table) -> None:
        merger = self.table.merge(rows, SAME_ROW, source_alias="source", target_alias="target")
        merger.when_matched_update_all().when_not_matched_insert_all().execute()

    def delete(self, predicate: str) -> None:
        self.table.delete(predicate)

    def optimize(self) -> None:
        self.table.optimize.compact()

    def rows(self, version: int | None = None) -> list[dict[str, Any]]:
        """The rows of a version, by key."""
        found = DeltaTable(self.path, version=version).to_pyarrow_table().to_pylist()
        return sorted(found, key=lambda row: (row["symbol"], row["bar_start"]))


def ten_versions(lake: TinyLake) -> None:
    """Ten versions: appended, compacted, merged, deleted, keys that come back, replaced in part and whole."""
    lake.append(bars(range(40)))
    lake.append(bars(range(40, 60)))
    lake.optimize()
    lake.merge(bars(range(50, 70), volume=7))
    lake.delete("symbol = 'S3'")
    lake.append(bars([3, 10, 17], volume=8))
    lake.table.update(updates={"close": "close + 1"}, predicate="symbol = 'S2'")
    lake.overwrite(bars([5, 12, 19], volume=9), predicate="symbol = 'S5'")
    lake.overwrite(bars(range(30, 90), volume=10))
    lake.merge(bars([30, 90], adjusted=None))
