"""Options that several programs have, and what their values may be. It imports nothing heavy."""

import argparse
import re

TRIGGER = re.compile(r"available-now|\d+ (millisecond|second|minute)s?")


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """How often a stream makes a batch, and how large one may be."""
    parser.add_argument(
        "--trigger",
        type=trigger,
        default="0 seconds",
        help='time between batches, "2 seconds", or available-now (default: %(default)s)',
    )
    parser.add_argument(
        "--max-offsets",
        type=at_least_one,
        default=200_000,
        metavar="N",
        help="messages in one batch at most (default: %(default)s)",
    )


def trigger(text: str) -> str:
    if not TRIGGER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not available-now or a time such as '2 seconds'")
    return text


def at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value
