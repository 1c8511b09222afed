"""`tapehouse batch`: all jobs of history over a session, in one Spark."""

import argparse
import json
import sys
from datetime import date
from typing import Any

from jobs.lake.arguments import add_session_arguments, chosen_sessions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_session_arguments(parser)
    add_batch_options(parser)


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="for a job that another program runs (default: %(default).0f)",
    )
    parser.add_argument("--json", action="store_true", help="what each step did, as JSON")


def run(args: argparse.Namespace) -> int:
    from tapehouse.context import use_running_environment

    first, last = chosen_sessions(args)
    use_running_environment()
    return run_steps(args, first=first, last=last)


def run_steps(args: argparse.Namespace, *, first: date, last: date) -> int:
    """Run them, and say of each what it did, as it is done."""
    from jobs.lake.program import run_program

    return run_program(lambda: _steps(args, first, last), debug=args.debug)


def _steps(args: argparse.Namespace, first: date, last: date) -> int:
    from jobs.lake.batch import STEPS, run_batch
    from jobs.lake.settings import read_settings

    done = []
    try:
        for one in run_batch(read_settings(), first=first, last=last, wait=args.wait):
            done.append(one._asdict() | {"outcome": plain(one.outcome)})
            print(
                f"{len(done)}/{len(STEPS)} {one.step}: {told(one.outcome)}, {one.seconds:.1f} s",
                file=sys.stderr,
            )
    except Exception as error:
        print(*getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
        raise
    finally:
        if args.json:
            print(json.dumps(done, default=str, indent=1))
    return 0


def plain(outcome: Any) -> Any:
    """What a step says, as JSON has it."""
    if hasattr(outcome, "_asdict"):
        return outcome._asdict()
    return [plain(each) for each in outcome] if isinstance(outcome, list) else outcome


def told(outcome: Any) -> str:
    """The numbers that are not zero, table by table."""
    if isinstance(outcome, list):
        return "; ".join(told(each) for each in outcome) or "nothing to do"
    fields = outcome._asdict() if hasattr(outcome, "_asdict") else dict(outcome or {})
    numbers = [
        f"{value:,} {name}"
        for name, value in fields.items()
        if name != "version" and value and isinstance(value, int)
    ]
    return f"{fields.get('table', '')} {', '.join(numbers) or 'nothing to do'}".strip()
