"""`tapehouse reconcile`: invariant 4, lake against warehouse, any time."""

import argparse
import json
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from jobs.lake.arguments import add_allow_empty

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from jobs.warehouse.engine import Warehouse
    from jobs.warehouse.reconcile import Check, Reconciled

JOB = "reconcile_warehouse"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help="such as gold.bars_1d (default: all loaded)"
    )
    add_allow_empty(parser)
    parser.add_argument("--json", action="store_true", help="every check as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0: equal; 1: something differs; 2: nothing has been loaded."""
    from jobs.lake.errors import NoDataError
    from jobs.warehouse.connect import open_reader
    from tapehouse.context import use_running_environment

    settings = use_running_environment()
    with open_reader(settings) as warehouse:
        found = _compare(args, settings, warehouse)
    if not found:
        raise NoDataError(
            f"the warehouse holds no receipt of {', '.join(args.tables) or 'any table'}",
            found=warehouse.address,
            remedy="load gold: `tapehouse load --all`",
        )
    if args.json:
        print(json.dumps([_as_json(one) for one in found], indent=1, default=str))
    return 0 if all(one.ok for one in found) else 1


def _compare(args: argparse.Namespace, settings: "Settings", warehouse: "Warehouse") -> "list[Reconciled]":
    from jobs.warehouse.connect import LOADED, table_of
    from jobs.warehouse.reconcile import reconcile_table

    tables = [table_of(name) for name in dict.fromkeys(args.tables)] or list(LOADED)
    found: list[Reconciled] = []
    with _kept(settings) as keep:
        for table in tables:
            if one := reconcile_table(settings, warehouse, table):
                found.append(one)
                keep({each.table: each.ok for each in found})
                if not args.json:
                    show(one)
    return found


@contextmanager
def _kept(settings: "Settings") -> Generator[Callable[[dict[str, bool]], None], None, None]:
    """A run of the ledger, whose details say of each table whether it was equal; none where one may only read."""
    from jobs.lake.ledger import Ledger
    from tapehouse.ledger import LedgerReader

    with closing(LedgerReader(settings)) as reader:
        may_write = reader.may_write()
    if not may_write:
        print("not kept in the ledger: this account may only read there", file=sys.stderr)
        yield lambda equal: None
        return
    with closing(Ledger(settings)) as ledger, ledger.run(JOB, lake=settings.processed_url):
        yield lambda equal: ledger.add_details(equal=equal)


def show(one: "Reconciled") -> None:
    """The newest receipt's check in a line, and whatever is not equal."""
    older = [check for check in one.checks if not check.with_warehouse]
    for check in one.checks:
        if check.with_warehouse or not check.ok or check.note:
            print(_line(one.table, check))
            for difference in check.first:
                print(f"            {difference}")
    equal = sum(check.ok and not check.note for check in older)
    if equal:
        print(f"ok      4  {one.table}: {equal} older receipts say what the lake's versions say")


def _line(table: str, check: "Check") -> str:
    what = (
        f"{table} = version {check.version} of the lake"
        if check.with_warehouse
        else f"{table}, load {check.load_id}"
    )
    if not check.ok:
        why = f" ({check.note})" if check.note else ""
        return f"FAILED  4  {what}: they differ in {', '.join(check.differs)}{why}"
    if check.note and not check.with_warehouse:
        return f"-       4  {what}: {check.note}"
    beside = f"; {check.note}" if check.note else ""
    return f"ok      4  {what}: {check.rows:,} rows, every column's checksum{beside}"


def _as_json(one: "Reconciled") -> dict[str, Any]:
    checks = [
        check._asdict() | {"ok": check.ok, "first": [difference._asdict() for difference in check.first]}
        for check in one.checks
    ]
    return {"table": one.table, "ok": one.ok, "checks": checks}
