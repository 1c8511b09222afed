"""spark-submit jobs/load_history.py [--from 2026-11-24 --to 2026-11-25] [--json]

Loads what the raw bucket holds of price history and bronze.history does not: every line, with the object that it stands
in. Lines that break a rule go to silver.history_rejected too. Run again it loads nothing twice.
"""

import argparse
import sys
from datetime import date

from jobs.lake.arguments import add_job_arguments, refuse_empty_range
from jobs.lake.program import run_program


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobs/load_history.py", description=__doc__.split("\n\n")[1])
    day = date.fromisoformat
    parser.add_argument(
        "--from", dest="first", type=day, metavar="DATE", help="fetched on this day or later (UTC)"
    )
    parser.add_argument("--to", dest="last", type=day, metavar="DATE", help="fetched before this day (UTC)")
    add_job_arguments(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    return run_program(lambda: load(args), debug=args.debug, allow_empty=args.allow_empty)


def load(args: argparse.Namespace) -> int:
    """Load, and say what was loaded; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.history_load import load_history
    from jobs.lake.settings import read_settings

    if args.first and args.last:
        refuse_empty_range(args.first, args.last)
    loaded = load_history(read_settings(), first=args.first, last=args.last, wait=args.wait)
    if args.json:
        print(json.dumps(loaded._asdict(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
