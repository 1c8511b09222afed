"""`tapehouse doctor`: what this machine and its services lack, each with its remedy."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapehouse.doctor_checks import Check

MARKS = {"ok": "ok", "warning": "warning", "failed": "FAILED"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the checks as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 if something does not work; a vendor that cannot be reached is a warning."""
    from tapehouse.doctor_checks import examine

    checks = examine()
    if args.json:
        print(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        show(checks)
    return 1 if any(check.state == "failed" for check in checks) else 0


def show(checks: "list[Check]") -> None:
    """A line a check, and its remedy below it."""
    from rich.console import Console

    console = Console(highlight=False)
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.print(
            f"{MARKS[check.state]:8} {check.name:{width}} {check.found}", soft_wrap=True, markup=False
        )
        if check.remedy:
            console.print(f"{'':8} {'':{width}} remedy: {check.remedy}", soft_wrap=True, markup=False)
