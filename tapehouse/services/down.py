"""`tapehouse down`: stop the services that are up; their data stays."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--forget-ports", action="store_true", help="find other ports at the next start")


def run(args: argparse.Namespace) -> int:
    from tapehouse.services.instance import Instance, find_running
    from tapehouse.services.profiles import PROFILES, folder_of

    instance = find_running()
    if instance is None:
        print("nothing is started", file=sys.stderr)
    else:
        instance.stop(lambda line: print(line, file=sys.stderr))
    if args.forget_ports:
        # what could not start is not up
        for one in [instance] if instance else [Instance(folder_of(name), name) for name in PROFILES]:
            one.forget_ports()
    return 0
