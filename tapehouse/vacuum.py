"""`tapehouse vacuum`: files deleted that no version of the last 7 days holds: so far back every version is readable."""

import argparse

from tapehouse.maintain import add_maintenance_arguments, maintain_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_maintenance_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from jobs.lake.maintain import VACUUM

    return maintain_tables(args, VACUUM)
