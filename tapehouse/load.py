"""`tapehouse load`: gold into the warehouse, each table exactly one version of the lake's, with a receipt."""

import argparse
import json
import sys

from jobs.lake.arguments import add_allow_empty


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="such as gold.bars_1d")
    parser.add_argument("--all", action="store_true", help="every table of gold that there is")
    parser.add_argument(
        "--version", type=int, metavar="N", help="of the lake's table, with one TABLE (default: the newest)"
    )
    add_allow_empty(parser)
    parser.add_argument("--full", action="store_true", help="all rows, whatever the change feed says")
    parser.add_argument("--json", action="store_true", help="the receipts as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 2 where there is nothing to load."""
    from jobs.lake.errors import NoDataError
    from jobs.lake.failpoints import arm
    from jobs.lake.program import log_as_key_values
    from jobs.warehouse.connect import LOADED, table_of
    from jobs.warehouse.run import load_tables
    from jobs.warehouse.tell import tell
    from tapehouse.context import use_running_environment

    _refuse(args)
    tables = list(LOADED) if args.all else [table_of(name) for name in dict.fromkeys(args.tables)]
    settings = use_running_environment()
    arm()
    log_as_key_values()
    done = []
    how = {"version": args.version, "full": args.full, "skip_missing": args.all or args.allow_empty}
    for loaded in load_tables(settings, tables, **how):
        done.append({"is_new": loaded.is_new, **loaded.receipt.as_json()})
        print(tell(loaded), file=sys.stderr if args.json else sys.stdout, flush=True)
    if args.json:
        print(json.dumps(done, indent=1))
    if not done:
        named = ", ".join(args.tables) or "table of gold yet"
        raise NoDataError(
            "there is nothing to load",
            found=f"the lake has no {named}",
            remedy="start the stream, or load history",
        )
    left_out = [name for name in args.tables if name not in {one["table_name"] for one in done}]
    if left_out:
        print(f"left out: the lake has no {', '.join(left_out)}", file=sys.stderr)
    return 0


def _refuse(args: argparse.Namespace) -> None:
    from jobs.lake.errors import UsageError

    if bool(args.tables) == args.all:
        raise UsageError(
            "which tables are to be loaded?",
            found=f"--all and {', '.join(args.tables)}" if args.tables else "no TABLE, no --all",
            remedy="name tables (gold.bars_1d), or write --all",
        )
    if args.version is not None and len(args.tables) != 1:
        raise UsageError(
            "--version is of one table",
            found=", ".join(args.tables) or "--all",
            remedy="name one table, or leave --version out",
        )
