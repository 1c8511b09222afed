"""Frames: how many a second go from Yahoo's socket to acknowledged by Kafka, without a loss and in time."""

import argparse
import json
import signal
import time
from dataclasses import asdict, dataclass

from tapehouse.paths import VENV
from tests.bench.lake import Lake, say, services
from tests.bench.program import PYTHON, Measured
from tests.bench.report import Report
from tests.bench.symbols import SYMBOLS
from tests.bench.topic import count_messages

HEADER = ("frames/s", "seconds", "sent", "in Kafka", "behind s", "CPU s", "cores", "peak MB")
STARTS_WITHIN, ENDS_WITHIN = 60, 300


@dataclass(frozen=True)
class Step:
    """One rate: `behind` is from the last frame's sending to the last message in the topic."""

    rate: int
    seconds: int
    sent: int
    arrived: int
    behind: float
    cpu_seconds: float
    cores: float
    peak_mb: float


def run(args: argparse.Namespace) -> Report:
    with services("frames") as instance:
        steps = []
        for rate in args.rate:
            lake = Lake(instance, f"frames-{rate}", topic=f"frames-{rate}.v1")
            steps.append(measure(lake, rate, args.seconds))
            say(f"{rate:,}/s: {steps[-1].arrived:,} of {steps[-1].sent:,}, {steps[-1].behind:.1f} s behind")
    made = Report(
        "frames",
        f"{len(SYMBOLS)} symbols over a websocket on loopback, the sender on the same cores",
        HEADER,
        [_row(step) for step in steps],
        options=vars(args),
        details=[asdict(step) for step in steps],
    )
    kept = [step.rate for step in steps if step.arrived == step.sent and step.behind < 2]
    best = f"{max(kept):,}/s" if kept else "none of them"
    made.notes = [f"the highest rate without a loss, and less than two seconds behind at its end: {best}"]
    return made


def measure(lake: Lake, rate: int, seconds: int) -> Step:
    """`tapehouse live` beside a streamer at one rate, to the last message."""
    streamer = [PYTHON, "-m", "tests.bench.streamer", "--rate", str(rate), "--seconds", str(seconds)]
    live = [str(VENV / "bin" / "tapehouse"), "live", "--symbols", ",".join(SYMBOLS), "--json"]
    with Measured(lake, "streamer", streamer) as sender:
        sender.wait_for(lambda: "url" in sender.output, what="listening", seconds=STARTS_WITHIN)
        lake.environment["TAPEHOUSE_YAHOO_STREAM_URL"] = json.loads(sender.output.splitlines()[0])["url"]
        with Measured(lake, "live", live) as program:
            sender.wait_for(
                lambda: len(sender.output.splitlines()) > 1,
                what="through",
                seconds=seconds * 3 + STARTS_WITHIN,
            )
            told = json.loads(sender.output.splitlines()[1])
            program.wait_for(
                lambda: count_messages(lake.bootstrap, lake.topic) >= told["sent"],
                what="all of them in Kafka",
                seconds=ENDS_WITHIN,
            )
            end = time.time()
            program.process.send_signal(signal.SIGTERM)
            program.ended(seconds=STARTS_WITHIN)
    begin = told["at"] - seconds
    cpu = program.usage.cpu_seconds(begin=begin, end=end)
    return Step(
        rate,
        seconds,
        told["sent"],
        count_messages(lake.bootstrap, lake.topic),
        end - told["at"],
        cpu,
        cpu / (end - begin),
        program.usage.peak,
    )


def _row(step: Step) -> list[str]:
    return [
        f"{step.rate:,}",
        str(step.seconds),
        f"{step.sent:,}",
        f"{step.arrived:,}",
        f"{step.behind:.1f}",
        f"{step.cpu_seconds:.1f}",
        f"{step.cores:.2f}",
        f"{step.peak_mb:.0f}",
    ]
