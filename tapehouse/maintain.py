"""What `tapehouse optimize` and `tapehouse vacuum` share: which tables, who does it, and how it is told."""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from jobs.lake.arguments import add_allow_empty

if TYPE_CHECKING:
    from jobs.lake.maintain import Maintained
    from jobs.lake.settings import Settings
    from jobs.lake.tables import Table

WAIT = 600.0  # seconds


def add_maintenance_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help="such as gold.bars_1d (default: all that there are)"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=WAIT,
        metavar="SECONDS",
        help="for a job that is writing the table, or the stream's driver (default: %(default).0f)",
    )
    parser.add_argument(
        "--scheduled",
        action="store_true",
        help="as an account that may not write the stream's tables: left to its driver, unless Airflow owns the stream",
    )
    add_allow_empty(parser)
    parser.add_argument("--json", action="store_true", help="what was done to each table, as JSON")


def maintain_tables(args: argparse.Namespace, action: str, *, without: tuple[str, ...] = ()) -> int:
    """Do it to one table after the other, saying each as it is done; `without` are tables that it is not for."""
    from jobs.lake.maintain import maintain
    from jobs.lake.program import log_as_key_values
    from tapehouse.context import use_running_environment

    log_as_key_values(only_warnings=True)
    settings = use_running_environment()
    tables = _tables(args.tables, settings, without)
    leaves = args.scheduled and settings.stream_owner == "service"
    done, began = [], time.monotonic()
    outcomes = maintain(settings, tables, action, wait=args.wait, leave_the_streams=leaves)
    for number, one in enumerate(outcomes, 1):
        seconds, began = time.monotonic() - began, time.monotonic()
        done.append(one._asdict())
        told = f"{number}/{len(tables)} {one.table}: {_told(one)}, {seconds:.1f} s"
        print(told, file=sys.stderr if args.json else sys.stdout, flush=True)
    if args.json:
        print(json.dumps(done, indent=1))
    return 0


def _told(one: "Maintained") -> str:
    if not one.by:
        return "left as it is: the driver of the stream, which does it, does not run"
    files = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in one.files.items())
    return f"{files}, by {one.by}"


def _tables(names: list[str], settings: "Settings", without: tuple[str, ...]) -> "list[Table]":
    """The tables of these names, by default all; those that are not there are an error only if they are named."""
    from jobs.lake.errors import NoDataError, UsageError
    from jobs.lake.history import find_table
    from jobs.lake.history_tables import HISTORY_TABLES
    from jobs.lake.tables import STREAM_TABLES

    known = {table.name: table for table in (*STREAM_TABLES, *HISTORY_TABLES) if table.name not in without}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"this is not for {', '.join(unknown)}",
            found=" ".join(names),
            remedy=f"the tables are {', '.join(known)}",
        )
    wanted = [known[name] for name in dict.fromkeys(names)] or list(known.values())
    there = [table for table in wanted if find_table(table, settings)]
    missing = [table.name for table in wanted if table not in there]
    if not there or (names and missing):
        raise NoDataError(
            f"there is no {', '.join(missing)} yet",
            found=f"nothing in {settings.realtime_url} and {settings.processed_url}",
            remedy="start the stream, or load history",
        )
    return there
