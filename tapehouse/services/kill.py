"""`tapehouse kill NAME`: kill -9 of one service; the next `tapehouse up` brings it back with its data."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="which service, as `tapehouse ps` names it")


def run(args: argparse.Namespace) -> int:
    from tapehouse.context import require_running

    require_running().kill(args.name)
    print(f"killed {args.name}", file=sys.stderr)
    return 0
