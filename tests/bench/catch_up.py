"""Catch-up: a topic full of messages, and how fast each candidate has them in its tables."""

import argparse
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace

from tapehouse.services.instance import Instance
from tests.bench.candidates import CANDIDATES, STREAM, Candidate, stream
from tests.bench.commits import CommitWatch
from tests.bench.lake import TAPES, Lake, say, services
from tests.bench.measure import positions, spread, warm_rate
from tests.bench.program import Measured, send
from tests.bench.report import Report, shown
from tests.bench.tape import Stretch, kept_tape

TAPE_RATE = 500  # each symbol about once a second
LOOK_EVERY, PATIENCE = 0.1, 1800
HEADER = ("candidate", "n", "wall s", "start-up s", "warm events/s", "CPU s", "peak MB")


@dataclass(frozen=True)
class CatchUp:
    """One run; `start_up` ends with the first commit that all tables have, the warm rate begins at a quarter."""

    candidate: str
    run: int
    messages: int
    wall: float
    start_up: float
    warm_rate: float | None
    cpu_seconds: float
    peak_mb: float
    steps: list[tuple[float, int]]


def run(args: argparse.Namespace) -> Report:
    candidates = [
        replace(c, catch_up=stream("--max-offsets", str(args.max_offsets))) if c is STREAM else c
        for c in CANDIDATES
    ]
    return report(take_turns(candidates, args, services("catch-up")), args)


def take_turns(
    candidates: Sequence[Candidate], args: argparse.Namespace, place: AbstractContextManager[Instance]
) -> list[CatchUp]:
    """Each candidate once, then each once more, on one topic that is full before the first begins."""
    say("the tape (made once)")
    tape = kept_tape([Stretch(args.messages, TAPE_RATE)], seed=args.seed, folder=TAPES)
    with place as instance:
        source = Lake(instance, "source", topic="catch-up.v1")
        say(f"preloaded: {send(source, tape, at_pace=False, seconds=PATIENCE)}")
        return [
            measure(instance, candidate, number, args.messages)
            for number in range(1, args.runs + 1)
            for candidate in candidates
        ]


def measure(instance: Instance, candidate: Candidate, number: int, messages: int) -> CatchUp:
    lake = Lake(instance, f"{candidate.name.replace(' ', '-')}-{number}", topic="catch-up.v1")
    with ExitStack() as watches:
        seen = {
            table: watches.enter_context(CommitWatch(lake.settings, lake.url(table), every=LOOK_EVERY))
            for table in candidate.tables
        }
        with Measured(lake, "program", candidate.catch_up) as program:
            program.wait_for(
                lambda: all(watch.position >= messages for watch in seen.values()),
                what="drained",
                seconds=PATIENCE,
            )
            steps = [(at - program.begun, n) for at, n in positions({t: w.commits for t, w in seen.items()})]
            cpu = program.usage.cpu_seconds(end=program.begun + steps[-1][0])
    found = CatchUp(
        candidate.name,
        number,
        messages,
        steps[-1][0],
        steps[0][0],
        warm_rate(steps),
        cpu,
        program.usage.peak,
        steps,
    )
    say(f"{candidate.name} {number}: {found.wall:.1f} s, {cpu:.1f} CPU s, {found.peak_mb:.0f} MB")
    candidate.check(lake, messages)
    lake.remove()
    return found


def report(runs: list[CatchUp], args: argparse.Namespace) -> Report:
    made = Report(
        "catch-up",
        f"Catch-up of {args.messages:,} events",
        HEADER,
        [_row([one for one in runs if one.candidate == candidate.name]) for candidate in CANDIDATES],
        options=vars(args),
        details=[asdict(one) for one in runs],
    )
    made.notes = [
        *_ratios(runs),
        *(f"{candidate.name} lacks: {candidate.lacks}" for candidate in CANDIDATES if candidate.lacks),
        "every run of the stream passed verify, every plain one has each offset once",
    ]
    return made


def _row(runs: list[CatchUp]) -> list[str]:
    def over(values: Iterable[float], digits: int) -> str:
        return shown(spread(values), digits=digits)

    warm = [one.warm_rate for one in runs if one.warm_rate]
    return [
        runs[0].candidate,
        str(len(runs)),
        over((one.wall for one in runs), 1),
        over((one.start_up for one in runs), 1),
        over(warm, 0) if warm else "one commit",
        over((one.cpu_seconds for one in runs), 1),
        over((one.peak_mb for one in runs), 0),
    ]


def _ratios(runs: list[CatchUp]) -> list[str]:
    """The stream beside each other one, run by run: what disturbed the machine disturbed both."""
    ours = {one.run: one for one in runs if one.candidate == STREAM.name}
    notes = []
    for candidate in CANDIDATES:
        theirs = [one for one in runs if one.candidate == candidate.name and candidate is not STREAM]
        wall = [ours[one.run].wall / one.wall for one in theirs]
        warm = [one.warm_rate / rate for one in theirs if one.warm_rate and (rate := ours[one.run].warm_rate)]
        if wall:
            notes.append(f"wall time: {shown(spread(wall), digits=1)} times that of {candidate.name}")
        if warm:
            notes.append(f"warm: {candidate.name} has {shown(spread(warm), digits=1)} times the rate")
    return notes
