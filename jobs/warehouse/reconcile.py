"""Lake against warehouse: every receipt against the version that it names, the newest against the warehouse too.

What differs is looked for by buckets of keys, so that only rows of those that differ are fetched.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from jobs.lake.errors import NoDataError, UsageError
from jobs.lake.settings import Settings
from jobs.lake.tables import Table
from jobs.warehouse.attempts import new_attempt
from jobs.warehouse.checksum import Sums
from jobs.warehouse.columns import Shape
from jobs.warehouse.engine import Warehouse
from jobs.warehouse.lake_version import LakeVersion
from jobs.warehouse.receipts import Receipt

KEPT = timedelta(days=7)  # files that no version needs any more
ROWS_A_BUCKET, BUCKETS, LOOKED_INTO, SHOWN = 1000, 4096, 4, 10
NEAR = 1e-12  # doubles are compared as far as their checksum does


class Difference(NamedTuple):
    """A value that is not the same; a whole row has no column, and is null where it is not."""

    key: tuple[Any, ...]
    column: str | None
    lake: Any
    warehouse: Any

    def __str__(self) -> str:
        key = " ".join(map(str, self.key))
        if self.column is None:
            return f"{key}: only in the {'lake' if self.warehouse is None else 'warehouse'}"
        return f"{key}: {self.column} is {self.lake} in the lake, {self.warehouse} in the warehouse"


class Check(NamedTuple):
    """One receipt compared. `differs` names columns, or rows; `unchecked` says why it could not be compared."""

    load_id: str
    version: int
    with_warehouse: bool
    rows: int
    differs: list[str]
    unchecked: str
    first: list[Difference]

    @property
    def ok(self) -> bool:
        return not self.differs


class Reconciled(NamedTuple):
    """The checks of a table, newest receipt first."""

    table: str
    checks: list[Check]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def reconcile_table(settings: Settings, warehouse: Warehouse, table: Table) -> Reconciled | None:
    """Compare a table; None where the warehouse holds no receipt of it."""
    name = table.name.split(".")[1]
    receipts = warehouse.receipts([table.name])
    if not receipts:
        return None
    newest = warehouse.head(name).load_id
    since = datetime.now(UTC) - KEPT
    checks = [
        _check(settings, warehouse, table, receipt, is_newest=receipt.load_id == newest)
        for receipt in receipts
        if receipt.load_id == newest or receipt.loaded_at >= since
    ]
    return Reconciled(table.name, checks)


def _check(
    settings: Settings, warehouse: Warehouse, table: Table, receipt: Receipt, *, is_newest: bool
) -> Check:
    folder = settings.warehouse_folder / "scratch" / new_attempt()
    differs: list[str] = []
    first: list[Difference] = []
    unchecked = ""
    try:
        with _open(settings, table, receipt, folder) as lake:
            differs = (
                ["columns"]
                if lake.shape.typed() != receipt.columns
                else lake.sums().differences(receipt.sums)
            )
            if is_newest and not differs:
                differs, first = _compare(lake, warehouse, receipt)
    except (NoDataError, UsageError) as error:
        unchecked = f"the lake has it no longer: {error.found or error.what}"
    return Check(
        receipt.load_id, receipt.to_version, is_newest, receipt.rows_total, differs, unchecked, first
    )


def _compare(lake: LakeVersion, warehouse: Warehouse, receipt: Receipt) -> tuple[list[str], list[Difference]]:
    """What differs between the lake's version and the warehouse's table: columns, and the first keys."""
    name, shape = lake.table.name.split(".")[1], lake.shape
    if warehouse.stored_types(name) != {
        column.name: warehouse.dialect.type_of(column) for column in shape.columns
    }:
        return ["columns"], []
    differs = receipt.sums.differences(warehouse.sums(name, shape))
    return differs, _first_differences(lake, warehouse, name) if differs else []


def _open(settings: Settings, table: Table, receipt: Receipt, folder: Path) -> LakeVersion:
    lake = LakeVersion(settings, table, folder=folder, version=receipt.to_version)
    if lake.delta_id == receipt.delta_id:
        return lake
    with lake:  # it is of another table: closed again
        raise NoDataError(
            "the lake's table was made anew",
            found=f"Delta table {lake.delta_id}, loaded was {receipt.delta_id}",
        )


def _first_differences(lake: LakeVersion, warehouse: Warehouse, name: str) -> list[Difference]:
    shape = lake.shape
    buckets = max(1, min(BUCKETS, lake.sums().rows // ROWS_A_BUCKET))
    here, there = lake.sums_by_bucket(buckets), warehouse.sums_by_bucket(name, shape, buckets)
    nothing = Sums(0, {})
    wanted = [n for n in range(buckets) if here.get(n, nothing) != there.get(n, nothing)][:LOOKED_INTO]
    ours = _by_key(shape, lake.rows_of_buckets(wanted, buckets))
    theirs = _by_key(shape, warehouse.rows_of_buckets(name, shape, wanted, buckets))
    found: list[Difference] = []
    for key in sorted(ours.keys() | theirs.keys(), key=str):
        found += _differences(key, ours.get(key), theirs.get(key))
    return found[:SHOWN]


def _by_key(shape: Shape, rows: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    named = [dict(zip(shape.names, row, strict=True)) for row in rows]
    times = {column.name for column in shape.columns if column.kind == "timestamp"}
    readable = [
        {name: _moment(value) if name in times else value for name, value in row.items()} for row in named
    ]
    return {tuple(row[name] for name in shape.key): row for row in readable}


def _differences(
    key: tuple[Any, ...], ours: dict[str, Any] | None, theirs: dict[str, Any] | None
) -> list[Difference]:
    if ours is None or theirs is None:
        return [Difference(key, None, ours and "there", theirs and "there")]
    return [
        Difference(key, name, value, theirs[name])
        for name, value in ours.items()
        if not _is_same(value, theirs[name])
    ]


def _is_same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) < NEAR
    return bool(ours == theirs)


def _moment(micros: int | None) -> str | None:
    if micros is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))
    return moment.isoformat().replace("+00:00", "Z")
