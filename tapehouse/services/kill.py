"""`tapehouse kill NAME`: kill -9 of one service; the next `tapehouse up` brings it back with its data."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=["postgres", "store", "kafka"], help="which service")


def run(args: argparse.Namespace) -> int:
    from tapehouse.context import require_running

    require_running().kill(args.name)
    print(f"killed {args.name}", file=sys.stderr)
    return 0
