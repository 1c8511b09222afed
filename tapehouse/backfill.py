"""`tapehouse backfill`: history of some instruments fetched and worked through, from the vendor to what is served."""

import argparse
from datetime import date

from jobs.lake.arguments import refuse_empty_range, symbols


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from tapehouse.batch import add_batch_options
    from tapehouse.history import SOURCES

    day = date.fromisoformat
    parser.add_argument("--from", dest="begin", type=day, required=True, metavar="DATE", help="first session")
    parser.add_argument(
        "--to", dest="end", type=day, required=True, metavar="DATE", help="end of the sessions, not included"
    )
    parser.add_argument(
        "--symbols",
        type=symbols,
        required=True,
        metavar="AAPL,BRK-B",
        help="in any spelling of conf/instruments.yaml",
    )
    parser.add_argument(
        "--source", choices=SOURCES, default="yahoo", help="the vendor (default: %(default)s)"
    )
    parser.add_argument("--interval", choices=("1d", "1m"), default="1d", help="(default: %(default)s)")
    parser.add_argument("--refresh", action="store_true", help="ask for all of it again")
    add_batch_options(parser)


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if a fetch is missing; what was fetched is worked through all the same."""
    from tapehouse import history
    from tapehouse.batch import run_steps

    refuse_empty_range(args.begin, args.end)
    wanted = argparse.Namespace(**vars(args) | {"purpose": "fill", "resume": None, "json": False})
    fetched = history.run(wanted)
    return run_steps(args, first=args.begin, last=args.end) or fetched
