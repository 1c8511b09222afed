"""`tapehouse logs NAME`: what a service has logged."""

import argparse
import time
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="which service, as `tapehouse ps` names it")
    parser.add_argument(
        "--lines", type=int, default=50, help="how many of the last lines (default: %(default)s)"
    )
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    from jobs.lake.errors import UsageError
    from tapehouse.context import require_running

    instance = require_running()
    logs = {one.name: one.log for one in (*instance.services(), *instance.programs())}
    if args.name not in logs:
        raise UsageError(f"{args.name} has no log", found=", ".join(logs), remedy="see `tapehouse ps`")
    log = Path(logs[args.name])
    with log.open(errors="replace") as lines:
        print("".join(lines.readlines()[-args.lines :]), end="")
        while args.follow:
            print(lines.read(), end="", flush=True)
            time.sleep(0.3)
    return 0
