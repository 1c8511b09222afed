"""`tapehouse up`: start what is not running."""

import argparse
import sys

from tapehouse.paths import DEMO, LOCAL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser  # it has no options of its own


def run(args: argparse.Namespace) -> int:
    del args
    from jobs.lake.errors import UsageError
    from tapehouse.services.instance import Instance
    from tapehouse.services.lock import sole_use

    if Instance(DEMO).is_up:
        raise UsageError(
            "the services of a kept demo are up", found=str(DEMO), remedy="stop them first: `make down`"
        )
    with sole_use(LOCAL):
        Instance(LOCAL).start(lambda line: print(f"started {line}", file=sys.stderr))
    print('ready. next: eval "$(.venv/bin/tapehouse env)"', file=sys.stderr)
    return 0
