"""Lake against warehouse: every receipt against the version that it names, the newest against the warehouse too.

What differs is looked for by buckets of keys, so that only rows of those that differ are fetched.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from jobs.lake.errors import NoDataError, TapehouseError, UsageError
from jobs.lake.settings import Settings
from jobs.lake.tables import Table
from jobs.warehouse.attempts import new_attempt
from jobs.warehouse.checksum import Sums
from jobs.warehouse.columns import Shape
from jobs.warehouse.engine import Warehouse, WarehouseError
from jobs.warehouse.lake_version import LakeVersion, LostFilesError
from jobs.warehouse.receipts import Head, Receipt

KEPT = timedelta(days=7)  # files that no version needs any more
ROWS_A_BUCKET, BUCKETS, LOOKED_INTO, SHOWN = 1000, 4096, 4, 10
ATTEMPTS = 3
NEAR = 1e-12  # doubles are compared as far as their checksum does


class Difference(NamedTuple):
    """A value that is not the same; without a column, how often a whole row is there."""

    key: tuple[Any, ...]
    column: str | None
    lake: Any
    warehouse: Any

    def __str__(self) -> str:
        key = " ".join(map(str, self.key))
        if self.column is not None:
            return f"{key}: {self.column} is {self.lake} in the lake, {self.warehouse} in the warehouse"
        if self.warehouse > 1:
            return f"{key}: {self.warehouse} times in the warehouse"
        return f"{key}: only in the {'warehouse' if self.warehouse else 'lake'}"


class Check(NamedTuple):
    """One receipt compared. `differs` names columns, or what else is not as it must be; `note` says more of it.

    With a note and without a difference it could not be compared, and need not be any more.
    """

    load_id: str
    version: int
    with_warehouse: bool
    rows: int
    differs: list[str]
    note: str
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
    for _ in range(ATTEMPTS):
        head = warehouse.stored_head(name)
        found = _compare_all(settings, warehouse, table, head)
        # where a load came in between what was read of the warehouse is of two versions
        if found is None or found.ok or warehouse.stored_head(name) == head:
            return found
    raise WarehouseError(
        f"{table.name} is being loaded again and again",
        found=f"{ATTEMPTS} times another version while it was compared",
        remedy="compare it once the loads are done",
    )


def _compare_all(
    settings: Settings, warehouse: Warehouse, table: Table, head: Head | None
) -> Reconciled | None:
    receipts = warehouse.receipts([table.name])
    if not receipts:
        return None
    newest = head.load_id if head else ""
    since = datetime.now(UTC) - KEPT
    checks = [
        _check(settings, warehouse, table, receipt, is_newest=receipt.load_id == newest)
        for receipt in receipts
        if receipt.load_id == newest or receipt.loaded_at >= since
    ]
    named = sum(receipt.load_id == newest for receipt in receipts)
    if named != 1:
        note = f"the head names load {newest or 'none'}, of which there are {named} receipts: load it again, --full"
        version = head.version if head else -1
        checks.insert(0, Check(newest, version, True, 0, ["receipts"], note, []))
    return Reconciled(table.name, checks)


def _check(
    settings: Settings, warehouse: Warehouse, table: Table, receipt: Receipt, *, is_newest: bool
) -> Check:
    """The lake's version against the receipt, and, of the newest, the warehouse against both."""
    folder = settings.warehouse_folder / "scratch" / new_attempt()
    first: list[Difference] = []
    note = ""
    try:
        with LakeVersion(settings, table, folder=folder, version=receipt.to_version) as lake:
            if lake.delta_id != receipt.delta_id:
                raise _AnotherTableError(
                    "the table was made anew", found=f"it is {lake.delta_id}, loaded was {receipt.delta_id}"
                )
            differs = _against_receipt(lake, receipt)
            if is_newest and not differs:
                differs = _against_warehouse(lake.sums(), receipt, warehouse, lake.shape)
                first = _first_differences(lake, warehouse) if differs not in ([], ["columns"]) else []
    except (NoDataError, UsageError, LostFilesError, _AnotherTableError) as error:
        note = f"the lake has the version no longer: {error.found or error.what}"
        # what vacuum keeps must be there
        lost = receipt.loaded_at >= datetime.now(UTC) - KEPT and not isinstance(error, _AnotherTableError)
        differs = ["the lake's files"] if lost else []
        if is_newest and not differs:
            differs = _against_warehouse(
                receipt.sums, receipt, warehouse, Shape.of_typed(receipt.columns, table.key)
            )
    return Check(receipt.load_id, receipt.to_version, is_newest, receipt.rows_total, differs, note, first)


class _AnotherTableError(TapehouseError):
    """The lake's table is not the one that was loaded."""


def _against_receipt(lake: LakeVersion, receipt: Receipt) -> list[str]:
    if lake.shape.typed() != receipt.columns:
        return ["columns"]
    # of an older checksum only the rows can be compared
    found = lake.sums().differences(receipt.sums)
    return found if receipt.is_of_this_checksum else [name for name in found if name == "rows"]


def _against_warehouse(wanted: Sums, receipt: Receipt, warehouse: Warehouse, shape: Shape) -> list[str]:
    name = receipt.table_name.split(".")[1]
    types = {column.name: warehouse.dialect.type_of(column) for column in shape.columns}
    if warehouse.stored_types(name) != types:
        return ["columns"]
    return wanted.differences(warehouse.sums(name, shape))


def _first_differences(lake: LakeVersion, warehouse: Warehouse) -> list[Difference]:
    name, shape = lake.table.name.split(".")[1], lake.shape
    buckets = max(1, min(BUCKETS, lake.sums().rows // ROWS_A_BUCKET))
    here, there = lake.sums_by_bucket(buckets), warehouse.sums_by_bucket(name, shape, buckets)
    wanted = [n for n in sorted(here.keys() | there.keys()) if here.get(n) != there.get(n)][:LOOKED_INTO]
    if not wanted:
        return []  # somebody is at work on it: the caller looks again
    ours = _by_key(shape, lake.rows_of_buckets(wanted, buckets))
    theirs = _by_key(shape, warehouse.rows_of_buckets(name, shape, wanted, buckets))
    found: list[Difference] = []
    for key in sorted(ours.keys() | theirs.keys(), key=str):
        found += _differences(key, ours.get(key, []), theirs.get(key, []))
    return found[:SHOWN]


def _by_key(shape: Shape, rows: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    times = {column.name for column in shape.columns if column.kind == "timestamp"}
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        named = {
            name: _moment(value) if name in times else value
            for name, value in zip(shape.names, row, strict=True)
        }
        found.setdefault(tuple(named[name] for name in shape.key), []).append(named)
    return found


def _differences(
    key: tuple[Any, ...], ours: list[dict[str, Any]], theirs: list[dict[str, Any]]
) -> list[Difference]:
    if len(ours) != 1 or len(theirs) != 1:
        return [Difference(key, None, len(ours), len(theirs))]
    (here,), (there,) = ours, theirs
    return [
        Difference(key, name, value, there[name])
        for name, value in here.items()
        if not _is_same(value, there[name])
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
