"""`tapehouse rebuild-checkpoint`: a checkpoint that was lost, damaged or is of other tables is replaced.

On the machine of the driver, whose disk it lies on, and while no driver runs. The old one is kept beside it.
"""

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the recorded ends as JSON")


def run(args: argparse.Namespace) -> int:
    from jobs.lake.progress import smallest
    from jobs.lake.start import rebuild_checkpoint
    from tapehouse.context import use_running_environment

    ends = rebuild_checkpoint(use_running_environment())
    if args.json:
        print(json.dumps(ends))
    else:
        for table, end in ends.items():
            print(f"{table} ends at {_text(end)}", file=sys.stderr)
        print(f"the next start begins at {_text(smallest(ends.values()))}", file=sys.stderr)
    return 0


def _text(end: dict[int, int]) -> str:
    return ", ".join(f"{partition}: {offset:,}" for partition, offset in end.items()) or "the beginning"
