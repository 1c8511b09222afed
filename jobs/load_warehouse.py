"""python -m jobs.load_warehouse --table gold.bars_1d [--version 12] [--full] [--json]

Makes a table of the warehouse exactly one version of a table of gold, by default the newest: by its change feed since
the load before, or in full where that cannot be, and says which. Run again it does nothing. It needs no Spark.
"""

import argparse
import json
import sys

from jobs.lake.program import run_program


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m jobs.load_warehouse", description=__doc__.split("\n\n")[1]
    )
    parser.add_argument(
        "--table",
        dest="tables",
        action="append",
        required=True,
        metavar="TABLE",
        help="repeatable: gold.bars_1d",
    )
    parser.add_argument("--version", type=int, metavar="N", help="of the lake's table (default: the newest)")
    parser.add_argument("--full", action="store_true", help="all rows, whatever the change feed says")
    parser.add_argument("--json", action="store_true", help="the receipts as JSON")
    parser.add_argument("--debug", action="store_true", help="show the stack of an error")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    return run_program(lambda: load(args), debug=args.debug)


def load(args: argparse.Namespace) -> int:
    """Load the tables; the imports wait until the options are known to be right."""
    from jobs.lake.failpoints import arm
    from jobs.lake.settings import read_settings
    from jobs.warehouse.connect import table_of
    from jobs.warehouse.run import load_tables
    from jobs.warehouse.tell import tell

    tables = [table_of(name) for name in dict.fromkeys(args.tables)]
    arm()
    done = []
    for loaded in load_tables(read_settings(), tables, version=args.version, full=args.full):
        done.append({"is_new": loaded.is_new, **loaded.receipt.as_json()})
        print(tell(loaded), file=sys.stderr if args.json else sys.stdout, flush=True)
    if args.json:
        print(json.dumps(done, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
