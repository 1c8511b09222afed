"""Captures of January 2017 that a test writes, imports, loads and builds."""

from datetime import date
from pathlib import Path
from typing import Any

from jobs.lake.daily_build import build_daily
from jobs.lake.history_load import Loaded, load_history
from jobs.lake.settle import Settled
from tests.producers.test_imports import capture
from tests.stack import Stack, call

HEADER = "symbol,date,open,high,low,close,volume,adj_close"
OPTIONS = ("--source", "pystock", "--basis", "raw", "--fetched-at", "22:00Z", "--layout", "pystock")
FIRST, LAST = date(2017, 1, 1), date(2017, 2, 1)


def days(*rows: str) -> bytes:
    """A table of the captures; a row is `symbol day close volume`, of January 2017."""
    lines = [HEADER]
    for row in rows:
        symbol, day, close, volume = row.split()
        lines.append(f"{symbol},2017-01-{day},{close},{close},{close},{close},{volume},{close}")
    return "\r\n".join(lines).encode() + b"\r\n"


def captured(folder: Path, day: str, content: bytes) -> Path:
    (folder / day).mkdir()
    return capture(folder / day, content).rename(folder / day / f"201701{day}.tar.gz")


def imported(*files: Path) -> None:
    code, out, err = call("import", *OPTIONS, "--instruments", "provisional", *files)
    assert code == 0, out + err


def loaded(stack: Stack, **how: Any) -> Loaded:
    return load_history(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **how)


def built(stack: Stack, first: date = FIRST, last: date = LAST) -> Settled:
    """Daily bars of [first, last)."""
    how: dict[str, Any] = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    bars, _ = build_daily(stack.settings, first=first, last=last, **how)
    return bars
