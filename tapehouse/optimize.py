"""`tapehouse optimize`: small files of tables written together; no row changes, and older versions stay readable."""

import argparse

from tapehouse.maintain import add_maintenance_arguments, maintain_tables

# rows leave it once gold.bars_1m has them
PRUNED = ("gold.bars_1m_log",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_maintenance_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from jobs.lake.maintain import COMPACT

    return maintain_tables(args, COMPACT, without=PRUNED)
