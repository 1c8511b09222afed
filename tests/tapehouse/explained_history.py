"""A lake of daily history to be explained: sources that disagree, a correction, pence, an undone basis, bad lines."""

import contextlib
from datetime import date
from pathlib import Path
from typing import Any

from jobs.lake.daily_build import build_daily
from jobs.lake.errors import RejectedDataError
from jobs.lake.gold_daily import adjust_prices
from jobs.lake.history_load import load_history
from tests.jobs.raw_history import bar, dividend, fetched, split, stamp
from tests.producers.test_imports import capture
from tests.stack import Stack, call

OF_WIKI = "ticker,date,open,high,low,close,volume,ex-dividend,split_ratio,adj_close"
WIKI = (
    "AAPL,2014-06-05,640,650,630,640.5,900.0,0.0,1.0,90",
    "AAPL,2014-06-06,690,710,680,700,1000.0,0.0,1.0,99",
    "AAPL,2014-06-09,101,104,98,100,7000.0,0.0,7.0,99",
    "AAPL,2014-06-10,98,99,96,97,7100.0,1.0,1.0,97",
)
OF_CAPTURES = "symbol,date,open,high,low,close,volume,adj_close"
FRIDAY = (
    "AA,2014-06-05,1,x,1,1,1,1",
    "AA,2014-06-06,10,11,9,10.5,30,10.5",
    "AAPL,2014-06-06,690,710,680,708,1000,708",
    "OCDO,2014-06-06,345.5,350,340,349.25,500,349.25",
)
MONDAY = (
    "AA,2014-06-07,10,11,9,10.5,30,10.5",
    "AAPL,2014-06-06,690,710,680,708,1040,708",
)
RANGE = {"first": date(2014, 6, 1), "last": date(2014, 7, 1)}


def fill(stack: Stack, folder: Path) -> None:
    """Import, load, build and adjust it, into the lake that the environment names."""
    wiki = folder / "wiki.csv"
    wiki.write_text("\n".join([OF_WIKI, *WIKI, ""]))
    kept("wiki", "2014-07-01T00:00Z", "wiki", wiki)
    for day, lines in (("20140606", FRIDAY), ("20140609", MONDAY)):
        table = "\r\n".join([OF_CAPTURES, *lines, ""]).encode()
        file = capture(folder, table).rename(folder / f"{day}.tar.gz")
        kept("pystock", "22:00Z", "pystock", file)
    answered()
    how: dict[str, Any] = {"start_spark": lambda: stack.spark, "stop_asked": lambda: False}
    # two lines are rejected, on purpose
    with contextlib.suppress(RejectedDataError):
        load_history(stack.settings, **how)
    build_daily(stack.settings, **how, **RANGE)
    adjust_prices(stack.settings, **how, **RANGE)


def kept(source: str, at: str, layout: str, file: Path) -> None:
    how = ("--source", source, "--fetched-at", at, "--layout", layout, "--basis", "raw")
    code, out, err = call("import", *how, "--instruments", "provisional", file)
    assert code == 0, out + err


def answered() -> None:
    """Yahoo's answers of MSFT: its prices, and its dividend, are adjusted for the split after them."""
    how: dict[str, Any] = {"at": "2014-07-02T00:00", "covers": ("2014-06-01", "2014-07-03"), "symbol": "MSFT"}
    how |= {"instrument": "us-microsoft"}
    fetched("actions", dividend("2014-06-12", 0.25), split("2014-06-20", 2), **how)
    unreadable = f"{stamp(date(2014, 6, 11))},x,1,1,1,1,1"
    fetched("bars_1d", bar("2014-06-10", 50, 200), unreadable, bar("2014-06-12", 49.75, 300), **how)
