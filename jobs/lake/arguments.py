"""Options that several programs have, and what their values may be. It imports nothing heavy."""

import argparse
import re
from datetime import date, timedelta

from jobs.lake.errors import UsageError

# in the order in which they are rebuilt: a message leaves silver only once silver.rejected holds it
REBUILT = ("silver.rejected", "silver.quotes", "gold.bars_1m")
# what an instrument may be followed by
FOLLOWED_SOURCES, FOLLOWED_DATASETS = ("yahoo", "alpha_vantage"), ("stream", "1d", "1m")
TRIGGER = re.compile(r"available-now|\d+ (millisecond|second|minute)s?")


def symbols(text: str) -> list[str]:
    """AAPL,BRK-B as a list."""
    found = [symbol.strip() for symbol in text.split(",") if symbol.strip()]
    if not found:
        raise argparse.ArgumentTypeError("no symbol: write AAPL,BRK-B")
    return found


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


def add_rebuild_arguments(parser: argparse.ArgumentParser) -> None:
    """Which tables are rebuilt, and of which sessions."""
    day = date.fromisoformat
    parser.add_argument(
        "--table",
        dest="tables",
        action="append",
        choices=REBUILT,
        help="repeatable (default: all three; a rule that changed moves messages between the two of silver)",
    )
    parser.add_argument(
        "--from",
        dest="first",
        type=day,
        required=True,
        metavar="DATE",
        help="first session; a message that has none goes by its Kafka date",
    )
    parser.add_argument(
        "--to", dest="last", type=day, required=True, metavar="DATE", help="end of the sessions, not included"
    )
    parser.add_argument(
        "--json", action="store_true", help="what was done to each table and session, as JSON"
    )


def refuse_empty_range(first: date, last: date) -> None:
    if first >= last:
        raise UsageError(
            "the range holds no day",
            found=f"--from {first} --to {last}",
            remedy="the end is not included: one session is --from DAY --to THE-DAY-AFTER",
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


def chosen_sessions(args: argparse.Namespace) -> tuple[date, date]:
    """The sessions that `--session`, or `--from` and `--to`, name: [first, last)."""
    one, first, last = args.session, args.first, args.last
    if one and not (first or last):
        return one - timedelta(args.days_before), one + timedelta(1)
    if one or not (first and last):
        told = {"--session": one, "--from": first, "--to": last}
        raise UsageError(
            "it is not said which sessions",
            found=" ".join(f"{name} {day}" for name, day in told.items() if day) or "none",
            remedy="give --session DAY, or --from DAY --to THE-DAY-AFTER",
        )
    refuse_empty_range(first, last)
    return first, last


def add_session_arguments(parser: argparse.ArgumentParser) -> None:
    """One session or several, for `chosen_sessions`."""
    day = date.fromisoformat
    parser.add_argument("--session", type=day, metavar="DATE", help="one session")
    parser.add_argument(
        "--days-before",
        type=int,
        default=0,
        metavar="N",
        help="with --session: those of so many days before it too, which a vendor may have corrected",
    )
    parser.add_argument("--from", dest="first", type=day, metavar="DATE", help="first of several sessions")
    parser.add_argument("--to", dest="last", type=day, metavar="DATE", help="end of them, not included")


def session_range(argv: list[str] | None, *, program: str, about: str) -> argparse.Namespace:
    """The options of a job over some sessions, for `chosen_sessions`, and those of every batch job.

    `about` is the job's docstring, whose second paragraph says what it does.
    """
    parser = argparse.ArgumentParser(prog=program, description=about.split("\n\n")[1])
    add_session_arguments(parser)
    add_job_arguments(parser)
    return parser.parse_args(argv)


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """How a batch job waits, and what it tells."""
    parser.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="for another program that writes the same tables (default: %(default).0f)",
    )
    add_allow_empty(parser)
    parser.add_argument("--json", action="store_true", help="what was done as JSON")
    parser.add_argument("--debug", action="store_true", help="show the stack of an error")


def add_allow_empty(parser: argparse.ArgumentParser) -> None:
    """That nothing to work on is no fault, for whoever catches the error of it."""
    parser.add_argument(
        "--allow-empty", action="store_true", help="nothing to work on is a line, and exit code 0"
    )
