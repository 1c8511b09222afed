"""spark-submit jobs/rebuild.py --from 2026-11-24 --to 2026-11-25 [--table gold.bars_1m] [--json]

silver.rejected, silver.quotes and gold.bars_1m of some sessions worked out again from bronze, while the stream is
stopped: for the day on which a transform had a fault. Rows that are equal are not touched; one that was stopped or
killed is run again.
"""

import argparse
import sys

from jobs.lake.arguments import add_rebuild_arguments
from jobs.lake.program import run_program


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobs/rebuild.py", description=__doc__.split("\n\n")[1])
    add_rebuild_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the stack of an error")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    return run_program(lambda: rebuild(args), debug=args.debug)


def rebuild(args: argparse.Namespace) -> int:
    """Rebuild, and say what was done; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.rebuild import run_rebuild
    from jobs.lake.rebuild_days import Wanted
    from jobs.lake.settings import read_settings

    done = run_rebuild(read_settings(), Wanted.of(args.tables, args.first, args.last))
    if args.json:
        print(json.dumps([outcome._asdict() for outcome in done], default=str, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
