"""`tapehouse produce`: a generated or recorded session to Kafka, at a chosen pace, disturbed if asked for."""

import argparse
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from producers.tape import Delivery


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tape_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the counts as JSON")


def add_tape_arguments(parser: argparse.ArgumentParser) -> None:
    """What chooses the tape and its pace; the demo has the same."""
    tape = parser.add_argument_group("the tape")
    tape.add_argument(
        "--recording",
        type=Path,
        metavar="FILE",
        help="recorded Yahoo frames (CSV) instead of a generated session",
    )
    tape.add_argument(
        "--symbols",
        type=lambda text: text.split(","),
        default=[],
        help="of the generated session, AAPL,MSFT (default: 9)",
    )
    tape.add_argument(
        "--session",
        type=date.fromisoformat,
        metavar="DATE",
        help="generated for this session (default: the last completed)",
    )
    tape.add_argument(
        "--minutes", type=int, default=60, help="length of the generated session (default: %(default)s)"
    )
    tape.add_argument(
        "--seed", type=int, default=1, help="of everything that is left to chance (default: %(default)s)"
    )
    harm = parser.add_argument_group("disturbances, as shares of the good messages")
    harm.add_argument(
        "--duplicates", type=share, default=0.01, metavar="SHARE", help="added (default: %(default)s)"
    )
    harm.add_argument(
        "--malformed", type=share, default=0.005, metavar="SHARE", help="added (default: %(default)s)"
    )
    harm.add_argument(
        "--late", type=share, default=0.0, metavar="SHARE", help="delivered late (default: %(default)s)"
    )
    harm.add_argument(
        "--late-minutes",
        type=float,
        default=10,
        metavar="N",
        help="late by up to N minutes (default: %(default)s)",
    )
    harm.add_argument(
        "--shuffle-minutes",
        type=float,
        default=0,
        metavar="N",
        help="all moved by up to N minutes (default: %(default)s)",
    )
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--speed", type=speed, metavar="N|real|max", help="N times as fast as it was, real time, or flat out"
    )
    pace.add_argument(
        "--in-seconds",
        type=float,
        default=40.0,
        metavar="S",
        help="the whole tape in S seconds (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    from jobs.lake.errors import NoDataError
    from producers.kafka_sink import KafkaSink
    from tapehouse.context import use_running_environment
    from tapehouse.paths import STATE

    settings = use_running_environment()
    tape = make_tape(args)
    if not tape:
        raise NoDataError("the tape is empty", remedy="choose more minutes or symbols")
    refused = STATE / "refused" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    with KafkaSink(bootstrap=settings.kafka_bootstrap, topic=settings.topic, refused_file=refused) as sink:
        send(tape, sink, pace_of(args, tape))
    counts = {"sent": sink.sent, "acknowledged": sink.acknowledged, "refused": sink.refused}
    print(
        json.dumps(counts) if args.json else ", ".join(f"{count:,} {name}" for name, count in counts.items())
    )
    if sink.refused:
        print(f"what was refused is kept in {refused}", file=sys.stderr)
    return 1 if sink.refused else 0


def make_tape(args: argparse.Namespace) -> "list[Delivery]":
    """The deliveries that the options ask for."""
    from producers.disturbances import Disturbances, disturb
    from producers.recording import read_recording
    from producers.tape import generate, last_session

    now = datetime.now(UTC)
    if args.recording:
        good = read_recording(args.recording)
    else:
        end = datetime.combine(args.session, datetime.max.time(), UTC) if args.session else now
        session, before = last_session(end)
        good = generate(session, before=before, seed=args.seed, minutes=args.minutes, symbols=args.symbols)
    how = Disturbances(args.duplicates, args.malformed, args.late, args.late_minutes, args.shuffle_minutes)
    return disturb(good, how, seed=args.seed, now_us=int(now.timestamp() * 1_000_000))


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
