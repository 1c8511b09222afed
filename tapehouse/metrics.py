"""`tapehouse metrics`: what is known of the pipeline, for Prometheus. It only reads."""

import argparse
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapehouse.measuring.looks import Looks

STOP_WITHIN = 3.0  # seconds for the look that is under way


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from jobs.lake.arguments import at_least_one

    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9108, metavar="N", help="(default: %(default)s)")
    parser.add_argument(
        "--every",
        type=at_least_one,
        default=15,
        metavar="SECONDS",
        help="between looks, however often it is asked (default: %(default)s)",
    )
    parser.add_argument("--once", action="store_true", help="look once, print the page, and end")


def run(args: argparse.Namespace) -> int:
    """Exit code 0 after SIGTERM or Ctrl-C; with --once 1 if some part could not be looked at."""
    from jobs.lake.program import log_as_key_values
    from tapehouse.context import use_running_environment
    from tapehouse.measuring.looks import Looks
    from tapehouse.measuring.page import render
    from tapehouse.measuring.parts import parts_of

    looks = Looks(parts_of(use_running_environment()), every=args.every)
    log_as_key_values()
    if args.once:
        is_whole = looks.look_once()
        print(render(looks.samples).decode(), end="")
        return 0 if is_whole else 1
    return _serve(args, looks)


def _serve(args: argparse.Namespace, looks: "Looks") -> int:
    from tapehouse.measuring.page import Page

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    page = Page(args.host, args.port, looks.samples)
    print(page.address, flush=True)
    looking = threading.Thread(target=looks.run, args=(stop,), name="looks", daemon=True)
    looking.start()
    stop.wait()
    page.close()
    looking.join(STOP_WITHIN)
    if looking.is_alive():
        # a service that does not answer must not hold up the end: nothing is written that could be lost
        sys.stdout.flush()
        os._exit(0)
    return 0
