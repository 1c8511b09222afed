"""`tapehouse status`: one line for each thing, what is wrong, and an exit code that says so."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapehouse.status_report import Status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--freshness", action="store_true", help="nothing is a problem but a table of the stream that is late"
    )
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0: fine; 1: something is late or failing; 2: it cannot be told (settings, nothing started)."""
    from tapehouse.context import use_running_environment
    from tapehouse.services.instance import find_running
    from tapehouse.status_report import look

    settings = use_running_environment()
    status = look(settings, find_running())
    if args.freshness and status.tables:  # where no table was looked at, why stays the problem
        status.problems = status.late
    if args.json:
        print(json.dumps(asdict(status), default=str, indent=1))
    else:
        show(status)
    return 1 if status.problems else 0


def _told(run: dict[str, Any]) -> str:
    """The last run of a DAG, of a session where it has one."""
    of = f"{run['dag_id']} {run['session'] or ''}".strip()
    ended = f", ended {run['ended_at']:%Y-%m-%d %H:%M:%SZ}" if run["ended_at"] else ""
    late = ", late" if run["is_late"] else ""
    return f"dag {of}: {run['state']}{late}, started {run['started_at']:%Y-%m-%d %H:%M:%SZ}{ended}"


def show(status: "Status") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("table", "rows", "newest", "age", "version", "state", box=box.SIMPLE_HEAD, pad_edge=False)
    for line in status.tables:
        newest = f"{line.newest:%Y-%m-%d %H:%M:%SZ}" if line.newest else "-"
        table.add_row(line.name, f"{line.rows:,}", newest, line.age or "-", str(line.version), line.state)
    console.print(table)
    for service in status.services:
        console.print(f"service {service.name:9} {service.state}")
    job = status.job
    console.print(
        f"stream job        {job.state}{f' since {job.since:%Y-%m-%d %H:%M:%SZ}' if job.since else ''}"
    )
    lag = "unknown" if status.lag is None else f"{status.lag:,} messages"
    console.print(f"lag {lag}, rejected {status.rejected:,}, sources {', '.join(status.sources) or 'none'}")
    for budget in status.budgets:
        left = ", ".join(f"{purpose} {calls:,}" for purpose, calls in budget["left"].items())
        rests = f", rests until {budget['rests_until']:%Y-%m-%d %H:%M:%SZ}" if budget["rests_until"] else ""
        console.print(
            f"budget {budget['source']}: {budget['used']:,} of {budget['total']:,} calls used today, left {left}{rests}"
        )
    for kind, counts in status.work.items():
        if any(counts.values()):
            console.print(f"to {kind}: {counts['open']:,} open, {counts['given_up']:,} given up")
    for run in status.dag_runs:
        console.print(_told(run))
    for problem in status.problems:
        console.print(f"PROBLEM  {problem}", soft_wrap=True)
    console.print("something is wrong" if status.problems else "fine")
