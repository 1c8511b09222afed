"""The stream on a Spark master with two workers of one core, beside local[2]: the same topic on three brokers."""

import argparse
from dataclasses import asdict, replace

from tapehouse.paths import ROOT
from tapehouse.services.profiles import CLUSTER
from tests.bench.candidates import STREAM, stream
from tests.bench.catch_up import CatchUp, take_turns
from tests.bench.lake import services
from tests.bench.measure import spread
from tests.bench.report import Report, shown

HEADER = ("where", "n", "wall s", "start-up s", "warm events/s")
ON_WORKERS, ON_ONE = "two workers", "local[2]"


def run(args: argparse.Namespace) -> Report:
    options = ("--max-offsets", str(args.max_offsets))
    submit, *job = stream(*options)
    alone = (submit, "--properties-file", str(ROOT / "conf" / "spark-defaults.conf"), *job)
    candidates = (
        replace(STREAM, name=ON_WORKERS, catch_up=stream(*options)),
        replace(STREAM, name=ON_ONE, catch_up=alone),
    )
    return _report(take_turns(candidates, args, services("cluster", CLUSTER)), args)


def _report(runs: list[CatchUp], args: argparse.Namespace) -> Report:
    made = Report(
        "cluster",
        f"Catch-up of {args.messages:,} events from three brokers",
        HEADER,
        [_row([one for one in runs if one.candidate == name]) for name in (ON_WORKERS, ON_ONE)],
        options=vars(args),
        details=[asdict(one) for one in runs],
    )
    alone = {one.run: one for one in runs if one.candidate == ON_ONE}
    ratios = spread(one.wall / alone[one.run].wall for one in runs if one.candidate == ON_WORKERS)
    made.notes = [
        f"wall time on two workers: {shown(ratios, digits=2)} times that of local[2], on the same two cores",
        "every run passed verify",
    ]
    return made


def _row(runs: list[CatchUp]) -> list[str]:
    warm = [one.warm_rate for one in runs if one.warm_rate]
    return [
        runs[0].candidate,
        str(len(runs)),
        shown(spread(one.wall for one in runs), digits=1),
        shown(spread(one.start_up for one in runs), digits=1),
        shown(spread(warm), digits=0) if warm else "one commit",
    ]
