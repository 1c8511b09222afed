"""Indicators: adjusted close, SMA 20 and RSI 14 of a market's history, beside the same by DuckDB."""

import argparse
import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb

from tapehouse.paths import ROOT
from tests.bench import plain_indicators, spark_indicators
from tests.bench.daily_bars import write_market
from tests.bench.lake import BENCH, say, services
from tests.bench.measure import spread
from tests.bench.program import PYTHON
from tests.bench.report import Report, shown

CORES = 2  # as conf/spark-defaults.conf has it
HEADER = ("who", "seconds", "rows a second", "times DuckDB's")
DUCKDB, FIRST, AGAIN = (
    "DuckDB, 2 threads",
    "Tapehouse, the first thing in its session",
    "Tapehouse, the second",
)
VALUES = ("close", "sma_20", "rsi_14")
# relative, and from where a number counts as none
SAME, NONE = 1e-9, 1e-9
LIMIT = 1800


def run(args: argparse.Namespace) -> Report:
    folder = BENCH / "indicators" / "market"
    say("the market")
    rows = args.instruments * args.sessions
    found: dict[str, list[float]] = {DUCKDB: [], FIRST: [], AGAIN: []}
    with services("indicators") as instance:
        write_market(folder, instruments=args.instruments, sessions=args.sessions, seed=args.seed)
        environment = {**os.environ, **instance.environment()}
        for number in range(args.runs):
            say(f"run {number + 1} of {args.runs}")
            found[DUCKDB] += seconds("plain_indicators", folder, CORES, environment)
            first, again = seconds("spark_indicators", folder, 2, environment)
            found[FIRST].append(first)
            found[AGAIN].append(again)
    compare(folder, rows)
    shutil.rmtree(folder)
    return report(found, rows, args)


def seconds(program: str, folder: Path, count: int, environment: dict[str, str]) -> list[float]:
    """What a program says at its end."""
    command = [PYTHON, "-m", f"tests.bench.{program}", str(folder), str(count)]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT
    )
    return [float(each) for each in json.loads(done.stdout.splitlines()[-1])]


def compare(folder: Path, rows: int) -> None:
    """What is measured must be right: both have made the same rows."""
    differs = " OR ".join(
        f"(o.{name} IS NULL) <> (t.{name} IS NULL) "
        f"OR abs(o.{name}::DOUBLE - t.{name}) > greatest({SAME} * abs(t.{name}), {NONE})"
        for name in VALUES
    )
    ours, theirs = folder / spark_indicators.MADE / "*.parquet", folder / plain_indicators.MADE
    with duckdb.connect() as connection:
        (counted,) = connection.execute(f"""
            SELECT count(*), count(*) FILTER ({differs})
            FROM '{ours}' o JOIN '{theirs}' t USING (instrument_id, session)""").fetchall()
    if counted != (rows, 0):
        raise AssertionError(f"of {rows} rows {counted[0]} are in both, and {counted[1]} of those differ")


def report(found: dict[str, list[float]], rows: int, args: argparse.Namespace) -> Report:
    made = Report(
        "indicators",
        f"{rows:,} daily bars ({args.instruments:,} instruments) to adjusted close, SMA 20 and RSI 14",
        HEADER,
        options=vars(args),
    )
    for who, times in found.items():
        ratios = [one / other for one, other in zip(times, found[DUCKDB], strict=True)]
        rate = spread(rows / each for each in times)
        made.rows.append([
            who,
            shown(spread(times), digits=1),
            shown(rate, digits=0),
            shown(spread(ratios), digits=2),
        ])
        made.details.append({"who": who, "seconds": times, "ratios": ratios})
    made.notes = [
        "from Parquet with exact decimals to Parquet; the JVM's start is not counted, its warming up is, in the first",
        f"every value is DuckDB's to {SAME:.0e}; load of the machine at the end: {os.getloadavg()[0]:.1f}",
    ]
    return made
