"""`tapehouse receipts`: what was loaded into the warehouse, as the ledger has it."""

import argparse
import json
from datetime import datetime
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="such as gold.bars_1d (default: all)")
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="the newest N (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="everything that they say, as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 2 where nothing has been loaded."""
    from contextlib import closing

    from jobs.lake.errors import NoDataError
    from jobs.warehouse.connect import table_of
    from tapehouse.context import use_running_environment
    from tapehouse.ledger import LedgerReader

    tables = [table_of(name).name for name in args.tables]
    with closing(LedgerReader(use_running_environment())) as ledger:
        found = ledger.loads(tables, limit=args.limit)
    if not found:
        raise NoDataError(
            f"no load of {', '.join(tables) or 'any table'} is known",
            remedy="load gold: `tapehouse load --all`",
        )
    if args.json:
        print(json.dumps(found, indent=1, default=_text))
    else:
        _show(found)
    return 0


def _show(found: list[dict[str, Any]]) -> None:
    import sys

    from rich.console import Console
    from rich.table import Table

    columns = (
        "loaded at",
        "table",
        "version",
        "how",
        "inserted",
        "updated",
        "deleted",
        "rows",
        "seconds",
        "load",
    )
    numbers = columns[4:9]
    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left")
    for one in found:
        versions = (
            f"{one['from_version']} to {one['to_version']}"
            if one["from_version"] >= 0
            else str(one["to_version"])
        )
        counts = [
            f"{one[name]:,}" for name in ("rows_inserted", "rows_updated", "rows_deleted", "rows_total")
        ]
        how = f"full: {one['reason']}" if one["mode"] == "full" else "delta"
        seconds = f"{one['duration_ms'] / 1000:.1f}"
        table.add_row(
            _text(one["loaded_at"]), one["table_name"], versions, how, *counts, seconds, one["load_id"]
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _text(value: object) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%SZ") if isinstance(value, datetime) else str(value)
