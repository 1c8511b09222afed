"""`tapehouse budget`: the calls left today by vendor and purpose, what waits, and until when a vendor rests."""

import argparse
import json
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake.budget import Standing
    from jobs.lake.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(args: argparse.Namespace) -> int:
    from jobs.lake.fetches import Fetches
    from tapehouse.context import use_running_environment

    settings = use_running_environment()
    standings = look(settings)
    with closing(Fetches(settings)) as fetches:
        waiting = fetches.waiting()
    if args.json:
        found = [{**one._asdict(), "waiting": waiting.get(one.source, 0)} for one in standings]
        print(json.dumps(found, default=str, indent=1))
    else:
        show(standings, waiting)
    return 0


def look(settings: "Settings") -> "list[Standing]":
    """Every vendor that has a budget, as it stands now."""
    from jobs.lake.budget import Budget
    from jobs.lake.budget_plans import read_plans

    found = []
    for plan in read_plans(settings.budgets).values():
        with closing(Budget(settings, plan)) as budget:
            found.append(budget.standing())
    return found


def show(standings: "list[Standing]", waiting: dict[str, int]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("vendor", "used", "left today", "waiting", "state", box=box.SIMPLE_HEAD, pad_edge=False)
    for one in standings:
        left = ", ".join(f"{purpose} {calls:,}" for purpose, calls in one.left.items())
        rests = (
            f"rests until {one.rests_until:%Y-%m-%d %H:%M:%SZ}: {one.because}" if one.rests_until else "ok"
        )
        used = f"{one.used:,} of {one.total:,}"
        table.add_row(one.source, used, left, f"{waiting.get(one.source, 0):,} fetches", rests)
    Console(highlight=False).print(table)
