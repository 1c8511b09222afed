"""History: what a line of daily bars costs from the raw bucket to gold, and what it costs among ten times as many."""

import argparse
import json
from datetime import timedelta
from typing import Any

from producers.raw_store import RawStore
from tapehouse.paths import VENV
from tapehouse.vendors import s3_client
from tests.bench.captures import captures, first_sessions, keep_captures
from tests.bench.lake import Lake, say, services
from tests.bench.program import Measured
from tests.bench.report import Report

SECONDS_A_LINE, START_WITHIN = 0.002, 300
HEADER = ("step", "lines", "seconds", "us a line", "lines ", "seconds ", "us a line ", "times")


def run(args: argparse.Namespace) -> Report:
    sizes = [(args.symbols, max(1, args.sessions // 10)), (args.symbols, args.sessions)]
    runs = [measure(symbols, sessions, seed=args.seed) for symbols, sessions in sizes]
    return report(runs, args)


def measure(symbols: int, sessions: int, *, seed: int) -> dict[str, Any]:
    """The captures of some sessions worked through by `tapehouse batch`: seconds by step."""
    with services("history") as instance:
        lake = Lake(instance, f"history-{sessions}", topic=f"history-{sessions}.v1")
        lake.environment["TAPEHOUSE_RAW_URL"] = f"s3://raw/{lake.name}"
        store = RawStore(s3_client(lake.settings), lake.environment["TAPEHOUSE_RAW_URL"])
        lines = keep_captures(store, captures(symbols, sessions, seed=seed))
        say(f"{lines:,} lines of {symbols:,} symbols in {sessions:,} captures")
        days = first_sessions(sessions)
        asked = ["--from", str(days[0]), "--to", str(days[-1] + timedelta(1)), "--json"]
        with Measured(lake, "batch", [str(VENV / "bin" / "tapehouse"), "batch", *asked]) as program:
            program.ended(seconds=START_WITHIN + lines * SECONDS_A_LINE)
        done = json.loads(program.output[program.output.index("[\n") :])
        return {
            "lines": lines,
            "seconds": {step["step"]: step["seconds"] for step in done},
            "megabytes": max(sample.total for sample in program.usage.samples),
        }


def report(runs: list[dict[str, Any]], args: argparse.Namespace) -> Report:
    few, many = runs
    made = Report(
        "history", f"{many['lines']:,} lines of daily bars, raw bucket to gold", HEADER, options=vars(args)
    )
    totals = [run["seconds"] | {"all": sum(run["seconds"].values())} for run in runs]
    for step in totals[0]:
        each = [total[step] / run["lines"] * 1e6 for total, run in zip(totals, runs, strict=True)]
        cells = [
            cell
            for run, total, cost in zip(runs, totals, each, strict=True)
            for cell in (f"{run['lines']:,}", f"{total[step]:,.1f}", f"{cost:,.1f}")
        ]
        made.rows.append([step, *cells, f"{each[1] / each[0]:.2f}"])
    made.notes = [f"peak MB: {few['megabytes']:,.0f} and {many['megabytes']:,.0f}"]
    made.details = runs
    return made
