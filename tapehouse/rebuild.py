"""`tapehouse rebuild`: the program of jobs/rebuild.py, with a Spark of its own, in the environment of the services.

Called here and not by `spark-submit`, which writes what a program says on its two outputs to one.
"""

import argparse

from jobs.lake.arguments import add_rebuild_arguments, refuse_empty_range


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_rebuild_arguments(parser)


def run(args: argparse.Namespace) -> int:
    from jobs.lake.program import run_program
    from jobs.rebuild import rebuild
    from tapehouse.context import use_running_environment

    refuse_empty_range(args.first, args.last)
    use_running_environment()
    return run_program(lambda: rebuild(args), debug=args.debug)
