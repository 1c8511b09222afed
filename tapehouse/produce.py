"""`tapehouse produce`: a generated or recorded session to Kafka, at a chosen pace, disturbed if asked for."""

import argparse
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.lake.arguments import at_least_one
from jobs.lake.errors import NoDataError, UsageError

if TYPE_CHECKING:
    from producers.tape import Delivery


def share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def speed(text: str) -> float:
    value = {"real": 1.0, "max": float("inf")}.get(text) or float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


TAPE: dict[str, dict[str, Any]] = {
    "--recording": {
        "type": Path,
        "metavar": "FILE",
        "help": "recorded Yahoo frames (CSV) instead of a generated session",
    },
    "--symbols": {
        "type": lambda text: text.split(","),
        "help": "of the generated session, AAPL,MSFT (default: 9)",
    },
    "--session": {
        "type": date.fromisoformat,
        "metavar": "DATE",
        "help": "generated for this session (default: the last completed)",
    },
    "--minutes": {"type": at_least_one, "help": "length of the generated session (default: 60)"},
    "--seed": {
        "type": int,
        "default": 1,
        "help": "of everything that is left to chance (default: %(default)s)",
    },
}
OF_GENERATED = ("symbols", "session", "minutes")
HARM: dict[str, dict[str, Any]] = {
    "--duplicates": {
        "type": share,
        "default": 0.01,
        "metavar": "SHARE",
        "help": "added (default: %(default)s)",
    },
    "--malformed": {
        "type": share,
        "default": 0.005,
        "metavar": "SHARE",
        "help": "added (default: %(default)s)",
    },
    "--late": {
        "type": share,
        "default": 0.0,
        "metavar": "SHARE",
        "help": "delivered late (default: %(default)s)",
    },
    "--late-minutes": {
        "type": float,
        "default": 10,
        "metavar": "N",
        "help": "late by up to N minutes (default: %(default)s)",
    },
    "--shuffle-minutes": {
        "type": float,
        "default": 0,
        "metavar": "N",
        "help": "all moved by up to N minutes (default: %(default)s)",
    },
}
PACE: dict[str, dict[str, Any]] = {
    "--speed": {
        "type": speed,
        "metavar": "N|real|max",
        "help": "N times as fast as it was, real time, or flat out",
    },
    "--in-seconds": {
        "type": float,
        "default": 40.0,
        "metavar": "S",
        "help": "the whole tape in S seconds (default: %(default)s)",
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tape_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the counts as JSON")


def add_tape_arguments(parser: argparse.ArgumentParser) -> None:
    """What chooses the tape and its pace; the demo has the same."""
    tape = parser.add_argument_group("the tape")
    for name, options in TAPE.items():
        tape.add_argument(name, **options)
    harm = parser.add_argument_group("disturbances, as shares of the good messages")
    for name, options in HARM.items():
        harm.add_argument(name, **options)
    pace = parser.add_mutually_exclusive_group()
    for name, options in PACE.items():
        pace.add_argument(name, **options)


def run(args: argparse.Namespace) -> int:
    from producers.kafka_sink import KafkaSink
    from tapehouse.context import use_running_environment
    from tapehouse.paths import STATE

    settings = use_running_environment()
    tape = make_tape(args)
    if not tape:
        raise NoDataError("the tape is empty", remedy="choose more minutes or symbols")
    refused = STATE / "refused" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    sink = KafkaSink(kafka=settings.kafka, topic=settings.topic, refused_file=refused)
    try:
        with sink:
            send(tape, sink, pace_of(args, tape))
    finally:  # after Ctrl-C too
        counts = {"sent": sink.sent, "acknowledged": sink.acknowledged, "refused": sink.refused}
        plain = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        print(json.dumps(counts) if args.json else plain)
    if sink.refused:
        print(f"what was refused is kept in {refused}", file=sys.stderr)
    return 1 if sink.refused else 0


def make_tape(args: argparse.Namespace) -> "list[Delivery]":
    """The deliveries that the options ask for."""
    from producers.disturbances import Disturbances, disturb
    from producers.recording import read_recording

    now = datetime.now(UTC)
    given = [name for name in OF_GENERATED if getattr(args, name) is not None]
    if args.recording and given:
        raise UsageError(
            "a recording is what it is: it cannot be chosen from",
            found=", ".join(f"--{name}" for name in given),
            remedy="leave these options away, or --recording",
        )
    good = read_recording(args.recording) if args.recording else _generated(args, now)
    how = Disturbances(args.duplicates, args.malformed, args.late, args.late_minutes, args.shuffle_minutes)
    return disturb(good, how, seed=args.seed, now_us=int(now.timestamp() * 1_000_000))


def _generated(args: argparse.Namespace, now: datetime) -> "list[Delivery]":
    """A session that is over: of one that is not, the messages would lie in the future."""
    from producers.tape import generate, last_session

    end = datetime.combine(args.session, datetime.max.time(), UTC) if args.session else now
    session, before = last_session(min(end, now))
    if args.session and session != args.session:
        raise UsageError(
            f"{args.session} is not a completed session of the New York exchanges",
            found=f"the last one until then is {session}",
            remedy=f"write --session {session}, or another day",
        )
    return generate(
        session, before=before, seed=args.seed, minutes=args.minutes or 60, symbols=args.symbols or ()
    )


def pace_of(args: argparse.Namespace, tape: "list[Delivery]") -> float:
    """How many times as fast as it was the tape runs."""
    from producers.replay import speed_for

    return float(args.speed) if args.speed is not None else speed_for(tape, in_seconds=args.in_seconds)


def send(tape: "list[Delivery]", sink: "object", pace: float) -> None:
    """Send the tape with a progress bar on a terminal, on standard error."""
    from rich.console import Console
    from rich.progress import track

    from producers.replay import replay

    console = Console(stderr=True)
    deliveries = replay(tape, speed=pace)
    for delivery in track(
        deliveries, "sending", total=len(tape), console=console, disable=not console.is_terminal
    ):
        sink.send(delivery.message)  # type: ignore[attr-defined]
