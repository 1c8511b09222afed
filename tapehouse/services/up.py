"""`tapehouse up`: start what is not running."""

import argparse
import sys

from tapehouse.paths import LOCAL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser  # it has no options of its own


def run(args: argparse.Namespace) -> int:
    del args
    from tapehouse.context import own_services
    from tapehouse.services.lock import sole_use

    instance = own_services()
    with sole_use(LOCAL):
        instance.start(lambda line: print(f"started {line}", file=sys.stderr))
    print('ready. next: eval "$(.venv/bin/tapehouse env)"', file=sys.stderr)
    return 0
