"""python -m tests.faults.full PART [--afresh]: one part of what `make prove-full` shows, and its page.

A part that was ended goes on after its last whole step; each row of the page says on which commit it was shown. Exit
code 1 where a step failed.
"""

import argparse
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tapehouse.paths import ROOT, STATE
from tapehouse.services.profiles import LAPTOP
from tests.bench import __main__ as bench
from tests.bench.report import Report, commit, machine, with_part
from tests.faults.parts import PARTS, PROFILE_OF
from tests.faults.run import Outcome, stage

PAGE = ROOT / "docs" / "guarantees.md"
BENCHES = ("load", "growth")


@dataclass(frozen=True)
class Shown:
    """What a step came to, when and on which commit."""

    outcome: Outcome
    date: str
    commit: str


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.faults.full", description=__doc__.split("\n\n")[0])
    parser.add_argument("part", choices=[*PARTS, *BENCHES])
    parser.add_argument("--afresh", action="store_true", help="run all of its steps again")
    args = parser.parse_args(argv)
    if args.part in BENCHES:
        return bench.main([args.part, "--page"])
    # the services are stopped, and their data is removed, on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return 0 if _run(args.part, afresh=args.afresh) else 1


def _run(part: str, *, afresh: bool) -> bool:
    """Whether every step held; the page is written after each."""
    kept = STATE / "faults" / f"{part}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    steps = [str(step) for step in PARTS[part]]
    # one that was a step of the part before is none of it now
    done = {} if afresh else {name: shown for name, shown in _read(kept).items() if name in steps}
    with stage(PROFILE_OF.get(part, LAPTOP)) as prove:
        for step in PARTS[part]:
            if str(step) in done:
                continue
            outcome = prove(step.scenario, step.options)
            if outcome is None:
                return False
            done[str(step)] = Shown(outcome, f"{datetime.now(UTC):%Y-%m-%d}", commit())
            kept.write_text(json.dumps({name: asdict(each) for name, each in done.items()}, indent=1))
            _write_page(part, done)
    _write_page(part, done)
    print(f"written: {PAGE.relative_to(ROOT)}")
    return True


def _read(kept: Path) -> dict[str, Shown]:
    if not kept.exists():
        return {}
    read = json.loads(kept.read_text())
    return {name: Shown(Outcome(**each.pop("outcome")), **each) for name, each in read.items()}


def _write_page(part: str, done: dict[str, Shown]) -> None:
    rows = [_row(str(step), done.get(str(step))) for step in PARTS[part]]
    outcomes = [shown.outcome for shown in done.values()]
    faults, messages = sum(o.faults for o in outcomes), sum(o.messages for o in outcomes)
    rows.append(("together", "", "", f"{faults}", f"{messages:,}", f"{sum(o.seconds for o in outcomes):.0f}"))
    held = sum(not outcome.skipped for outcome in outcomes)
    wanted = len(PARTS[part])
    title = (
        "All held" if held == wanted else f"{held} of {wanted} were run, and held" if held else "Not run yet"
    )
    report = Report(part, title, ("scenario", "date", "commit", "faults", "messages", "seconds"), rows)
    memory = machine()["memory_gb"]
    PAGE.write_text(with_part(PAGE.read_text(), report, f"{os.cpu_count()} cores, {memory:.0f} GB"))


def _row(step: str, shown: Shown | None) -> tuple[str, ...]:
    if shown is None:
        return (step, "not run", "", "", "", "")
    outcome = shown.outcome
    told = f"not run, {outcome.skipped}" if outcome.skipped else outcome.seen
    name = f"{step}: {told}" if told else step
    figures = (f"{outcome.faults}", f"{outcome.messages:,}", f"{outcome.seconds:.0f}")
    return (name, shown.date, shown.commit, *figures)


if __name__ == "__main__":
    sys.exit(main())
