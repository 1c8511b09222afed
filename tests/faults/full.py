"""python -m tests.faults.full PART: one part of what `make prove-full` shows, and its page.

A part that was ended goes on after its last whole step, as long as the commit is the same. Exit code 1 where a step
failed.
"""

import argparse
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from tapehouse.paths import ROOT, STATE
from tests.bench import __main__ as bench
from tests.bench.report import Report, commit, machine, with_part
from tests.faults.parts import PARTS, Step
from tests.faults.run import Outcome, stage

PAGE = ROOT / "docs" / "guarantees.md"
BENCHES = ("load", "growth")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.faults.full", description=__doc__.split("\n\n")[0])
    parser.add_argument("part", choices=[*PARTS, *BENCHES])
    part = parser.parse_args(argv).part
    if part in BENCHES:
        return bench.main([part, "--page"])
    # the services are stopped, and their data is removed, on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return 0 if _run(part) else 1


def _run(part: str) -> bool:
    """Whether every step held; the page is written when all are done."""
    kept = STATE / "faults" / f"{part}-{commit()}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    done: dict[str, Outcome] = _read(kept)
    left = [step for step in PARTS[part] if str(step) not in done]
    with stage() as prove:
        for step in left:
            outcome = prove(step.scenario, step.options)
            if outcome is None:
                return False
            done[str(step)] = outcome
            kept.write_text(json.dumps({name: each.__dict__ for name, each in done.items()}))
    _hand_over(part, [(step, done[str(step)]) for step in PARTS[part]])
    return True


def _read(kept: Path) -> dict[str, Outcome]:
    if not kept.exists():
        return {}
    return {name: Outcome(**each) for name, each in json.loads(kept.read_text()).items()}


def _hand_over(part: str, done: list[tuple[Step, Outcome]]) -> None:
    rows = [
        (
            f"{step}{f': not run, {o.skipped}' if o.skipped else ''}",
            f"{o.faults}",
            f"{o.messages:,}",
            f"{o.seconds:.0f}",
        )
        for step, o in done
    ]
    faults, messages = sum(o.faults for _, o in done), sum(o.messages for _, o in done)
    total = ("together", f"{faults}", f"{messages:,}", f"{sum(o.seconds for _, o in done):.0f}")
    report = Report(part, "All held", ("scenario", "faults", "messages", "seconds"), [*rows, total])
    memory = machine()["memory_gb"]
    where = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, {os.cpu_count()} cores, {memory:.0f} GB"
    PAGE.write_text(with_part(PAGE.read_text(), report, where))
    print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
