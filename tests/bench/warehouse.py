"""Warehouse: a million bars into the stand-in for Snowflake and into a DuckDB file, beside write_pandas."""

import argparse
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from deltalake import write_deltalake

from tests.bench.lake import BENCH, say
from tests.bench.measure import spread
from tests.bench.program import PYTHON
from tests.bench.report import Report, shown
from tests.bench.usage import UsageWatch
from tests.bench.warehouse_load import SCHEMA
from tests.jobs.warehouse.conftest import ELSEWHERE
from tests.processes import Program
from tests.vendors.snowflake_stand_in import StandIn, stand_in

HEADER = ("who", "seconds", "rows a second", "times write_pandas", "peak MB")
PLAIN = "write_pandas, in one process with the stand-in"
SNOWFLAKE, DUCKDB = "tapehouse, the connector to the stand-in", "tapehouse, DuckDB file"
START, WITHIN = datetime(2026, 1, 2, 14, 30, tzinfo=UTC), 600
SYMBOLS = 500


def run(args: argparse.Namespace) -> Report:
    folder = BENCH / "warehouse"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"{args.rows:,} bars")
    write_bars(folder / "lake", args.rows)
    found: dict[str, list[tuple[float, float]]] = {PLAIN: [], SNOWFLAKE: [], DUCKDB: []}
    with stand_in(folder / "stand-in") as server:
        for number in range(args.runs):
            say(f"run {number + 1} of {args.runs}")
            for who, times in found.items():
                times.append(measure(who, server, folder, number))
    shutil.rmtree(folder)
    return report(found, args)


def write_bars(folder: Path, rows: int) -> None:
    """Version 0 holds no row, version 1 all of them."""
    path = str(folder / "gold" / "bars")
    configuration = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(path, SCHEMA.empty_table(), configuration=configuration)
    price = "(100 + (i * 7919 % 100000) / 1000)::DECIMAL(18,6)"
    made = duckdb.sql(f"""
        SELECT 'S' || (i % {SYMBOLS}) AS symbol, TIMESTAMPTZ '{START}' + to_minutes(i // {SYMBOLS}) AS bar_start,
            (TIMESTAMP '{START:%Y-%m-%d}' + to_minutes(i // {SYMBOLS}))::DATE AS session,
            {price} AS open, {price} + 1 AS high, {price} - 1 AS low, {price} AS close, i % 10007 AS volume
        FROM range({rows}) AS made(i)""").to_arrow_table()
    write_deltalake(path, made.cast(SCHEMA), mode="append")


def measure(who: str, server: StandIn, folder: Path, number: int) -> tuple[float, float]:
    """Seconds of one load into a warehouse of its own, and the most megabytes of its process meanwhile."""
    engine = server.environment(f"B{os.getpid()}_{number}") if who == SNOWFLAKE else {"WAREHOUSE": "duckdb"}
    environment = {
        **ELSEWHERE,
        **engine,
        "TAPEHOUSE_PROCESSED_URL": str(folder / "lake"),
        "TAPEHOUSE_WAREHOUSE_FOLDER": str(folder / f"warehouse-{number}-{who == SNOWFLAKE}"),
    }
    name = "write_pandas" if who == PLAIN else "tapehouse"
    command = [PYTHON, "-m", "tests.bench.warehouse_load", name, folder / "lake"]
    program = Program(command, log=folder / "log", environment=environment)
    watch = UsageWatch(program.started)
    try:
        assert program.ended(seconds=WITHIN) == 0, program.last_words
    finally:
        watch.end()
        program.kill()
    return float(program.output.splitlines()[-1]), watch.peak


def report(found: dict[str, list[tuple[float, float]]], args: argparse.Namespace) -> Report:
    made = Report(
        "warehouse", f"{args.rows:,} bars of 8 columns into a warehouse", HEADER, options=vars(args)
    )
    plain = [seconds for seconds, _ in found[PLAIN]]
    for who, runs in found.items():
        times = [seconds for seconds, _ in runs]
        ratios = [one / other for one, other in zip(times, plain, strict=True)]
        made.rows.append([
            who,
            shown(spread(times), digits=2),
            shown(spread(args.rows / each for each in times), digits=0),
            shown(spread(ratios), digits=2),
            f"{max(peak for _, peak in runs):,.0f}",
        ])
        made.details.append({"who": who, "seconds": times, "ratios": ratios})
    made.notes = [
        "tapehouse: change feed, PUT, COPY, MERGE, rows and 8 checksums in the lake and the warehouse, receipt",
        f"write_pandas compares nothing; load of the machine at the end: {os.getloadavg()[0]:.1f}",
    ]
    return made
