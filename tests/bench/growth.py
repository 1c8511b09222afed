"""Growth: whether the thousandth small batch costs more than the hundredth, in time or in memory."""

import argparse
from contextlib import closing
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from jobs.lake.settings import Settings
from tapehouse.ledger import LedgerReader
from tests.bench.candidates import stream
from tests.bench.lake import TAPES, Lake, say, services
from tests.bench.program import Measured, send, verify
from tests.bench.report import Report
from tests.bench.tape import Stretch, kept_tape
from tests.bench.usage import Sample

EVENTS, PATIENCE_A_BATCH, START_WITHIN = 50, 15, 180
HEADER = ("batches", "events each", "median s", "least", "most", "driver MB", "java MB", "python MB")


class Batch(NamedTuple):
    """What the ledger says of a batch; `committed_at` in seconds since 1970."""

    number: int
    seconds: float
    messages: int
    committed_at: float


def run(args: argparse.Namespace) -> Report:
    say("the tape (made once)")
    # some more than the batches take
    plan = [Stretch((args.batches * 11 // 10 + 20) * EVENTS, EVENTS)]
    tape = kept_tape(plan, seed=args.seed, folder=TAPES)
    with services("growth") as instance:
        lake = Lake(instance, "growth", topic="growth.v1")
        send(lake, tape, at_pace=False, seconds=600)
        # Spark rounds the share of each of four partitions down: two are lost
        command = stream("--trigger", "0 seconds", "--max-offsets", str(EVENTS + 2))
        with Measured(lake, "program", command) as program:
            program.wait_for(
                lambda: len(read_batches(lake.settings)) >= args.batches,
                what=f"at {args.batches} batches",
                seconds=START_WITHIN + args.batches * PATIENCE_A_BATCH,
            )
        batches = read_batches(lake.settings)[: args.batches]
        verify(lake)
    return report(batches, program.usage.samples, args)


def read_batches(settings: Settings) -> list[Batch]:
    with closing(LedgerReader(settings)) as reader:
        return [
            Batch(number, told["seconds"], told["messages"], told["committed_at"].timestamp())
            for number, told in enumerate(reader.batches())
        ]


def report(batches: list[Batch], samples: list[Sample], args: argparse.Namespace) -> Report:
    # 75-125 and 950-1,000 of a thousand
    early, late = batches[len(batches) * 3 // 40 : len(batches) // 8], batches[-max(1, len(batches) // 20) :]
    made = Report(
        "growth",
        f"{len(batches):,} batches of {EVENTS} events, trigger 0",
        HEADER,
        [_row(part, samples) for part in (early, late)],
        options=vars(args),
    )
    made.details = [batch._asdict() for batch in batches]
    made.details += [{"at": sample.at, "megabytes": sample.megabytes} for sample in samples[::10]]
    slower = median(batch.seconds for batch in late) / median(batch.seconds for batch in early)
    larger = _megabytes(late, samples)["all"] / _megabytes(early, samples)["all"]
    pace = _apart(late) / _apart(early)
    made.notes = [
        f"late batches take {slower:.2f} times as long, with {larger:.2f} times the memory",
        f"from commit to commit, with the planning and the upkeep between: {_apart(early):.2f} s, then "
        f"{_apart(late):.2f} s, {pace:.2f} times",
    ]
    return made


def _apart(part: list[Batch]) -> float:
    """The median of the seconds from one commit to the next."""
    return median(after.committed_at - before.committed_at for before, after in pairwise(part))


def _row(part: list[Batch], samples: list[Sample]) -> list[str]:
    seconds, megabytes = [batch.seconds for batch in part], _megabytes(part, samples)
    times = [f"{value:.2f}" for value in (median(seconds), min(seconds), max(seconds))]
    sizes = [f"{megabytes[name]:,.0f}" for name in ("all", "java", "python")]
    events = f"{median(batch.messages for batch in part):.0f}"
    return [f"{part[0].number}-{part[-1].number + 1}", events, *times, *sizes]


def _megabytes(part: list[Batch], samples: list[Sample]) -> dict[str, Any]:
    """The medians over the samples of this time."""
    begin, end = part[0].committed_at - part[0].seconds, part[-1].committed_at
    mine = [sample for sample in samples if begin <= sample.at <= end]
    parts = {name: median(s.megabytes.get(name, 0) for s in mine) for name in ("java", "python")}
    return parts | {"all": median(s.total for s in mine)}
