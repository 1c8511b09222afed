"""`tapehouse logs NAME`: what a service has logged."""

import argparse
import time
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=["postgres", "store", "kafka"], help="which service")
    parser.add_argument(
        "--lines", type=int, default=50, help="how many of the last lines (default: %(default)s)"
    )
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    from tapehouse.context import require_running

    log = Path(next(s.log for s in require_running().services() if s.name == args.name))
    with log.open(errors="replace") as lines:
        print("".join(lines.readlines()[-args.lines :]), end="")
        while args.follow:
            print(lines.read(), end="", flush=True)
            time.sleep(0.3)
    return 0
