"""`eval "$(tapehouse env)"`: the environment that the programs need."""

import argparse
import shlex


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser  # it has no options of its own


def run(args: argparse.Namespace) -> int:
    del args
    from tapehouse.context import require_running

    for name, value in require_running().environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0
