"""Latency: from the producer's send to visible in a committed version of gold, at a steady rate."""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

from tapehouse.services.instance import Instance
from tests.bench.candidates import CANDIDATES, Candidate
from tests.bench.lake import TAPES, say, services
from tests.bench.live import run_live
from tests.bench.measure import percentiles, spread
from tests.bench.report import Report, shown
from tests.bench.tape import Stretch, kept_tape

HEADER = ("candidate", "events/s", "n", "p50 s", "p95 s", "p99 s", "max s", "cores", "peak MB")


@dataclass(frozen=True)
class Latency:
    """One run: seconds of the messages that were sent after the warm-up; cores are CPU seconds a second then."""

    candidate: str
    rate: int
    run: int
    messages: int
    commits: int
    p50: float
    p95: float
    p99: float
    max: float
    cores: float
    peak_mb: float
    sent_late_ms: float


def run(args: argparse.Namespace) -> Report:
    seconds = args.warm_up + args.seconds
    runs = []
    with services("latency") as instance:
        for rate in args.rate:
            say(f"the tape of {rate}/s (made once)")
            plan = [Stretch(rate * seconds, rate)]
            tape = kept_tape(plan, seed=args.seed, folder=TAPES)
            runs += [
                measure(instance, candidate, tape, args, rate=rate, number=number)
                for number in range(1, args.runs + 1)
                for candidate in CANDIDATES
            ]
    return report(runs, args)


def measure(
    instance: Instance,
    candidate: Candidate,
    tape: Path,
    args: argparse.Namespace,
    *,
    rate: int,
    number: int,
) -> Latency:
    name = f"{candidate.name.replace(' ', '-')}-{rate}-{number}"
    live = run_live(instance, candidate, tape, name=name, seconds=args.warm_up + args.seconds)
    begin = live.begin + args.warm_up
    measured = live.sent.at >= begin
    found = percentiles((live.visible - live.sent.at)[measured])
    result = Latency(
        candidate.name,
        rate,
        number,
        int(measured.sum()),
        sum(c.at >= begin for c in live.commits),
        **found,
        cores=live.usage.cpu_seconds(begin=begin, end=live.end) / (live.end - begin),
        peak_mb=live.usage.peak,
        sent_late_ms=live.sender["most_late_ms"],
    )
    say(f"{name}: " + ", ".join(f"{key} {value:.2f} s" for key, value in found.items()))
    return result


def report(runs: list[Latency], args: argparse.Namespace) -> Report:
    made = Report(
        "latency",
        f"Send to visible, the {args.seconds} s after {args.warm_up} s of warm-up",
        HEADER,
        [
            _row([one for one in runs if (one.candidate, one.rate) == (candidate.name, rate)])
            for rate in args.rate
            for candidate in CANDIDATES
        ],
        options=vars(args),
        details=[asdict(one) for one in runs],
    )
    made.notes = [f"{candidate.name}: visible in {candidate.tables[-1]}" for candidate in CANDIDATES]
    made.notes += [
        f"{candidate.name} lacks: {candidate.lacks}" for candidate in CANDIDATES if candidate.lacks
    ]
    return made


def _row(runs: list[Latency]) -> list[str]:
    figures = ("p50", "p95", "p99", "max", "cores")
    cells = [shown(spread(getattr(one, figure) for one in runs), digits=2) for figure in figures]
    peak = shown(spread(one.peak_mb for one in runs), digits=0)
    return [runs[0].candidate, f"{runs[0].rate:,}", str(len(runs)), *cells, peak]
