"""`tapehouse sql`: questions to bronze, silver and gold, now or as they were."""

import argparse
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

READS = re.compile(
    r"^\s*(\(*\s*)?(select|with|from|describe|show|explain|summarize|values|pivot)\b", re.IGNORECASE
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("query", help='such as "select * from gold.bars_1m order by bar_start desc limit 5"')
    parser.add_argument(
        "--as-of",
        action="append",
        default=[],
        metavar="TIME|TABLE=VERSION",
        help="the tables at a time (2026-11-24T15:00Z), or one table at a version (gold.bars_1m=3); repeatable",
    )
    parser.add_argument(
        "--format", choices=["table", "csv", "json"], default="table", help="default: %(default)s"
    )
    parser.add_argument(
        "--max-rows", type=int, default=100, help="rows of a table at most (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    import duckdb

    from jobs.lake.errors import UsageError
    from tapehouse.context import use_running_environment
    from tapehouse.delta import attach, connect

    if not READS.match(args.query):
        raise UsageError(
            "only questions are answered here",
            found=args.query[:60],
            remedy="begin with SELECT, WITH, FROM, DESCRIBE or SHOW",
        )
    versions, time = read_as_of(args.as_of)
    connection = connect()
    there = attach(connection, use_running_environment(), versions=versions, time=time)
    connection.execute("SET enable_external_access = false")
    try:
        answer = connection.sql(args.query)
        show(answer, args.format, args.max_rows)
    except duckdb.Error as error:
        raise UsageError(
            f"the query cannot be answered: {error}",
            found=args.query[:200],
            remedy=f"the tables are {', '.join(there) or 'none yet'}",
        ) from error
    return 0


def read_as_of(values: list[str]) -> tuple[dict[str, int], datetime | None]:
    """The versions by table, and the time, that --as-of names."""
    from jobs.lake.errors import UsageError
    from tapehouse.delta import TABLES

    versions: dict[str, int] = {}
    time = None
    for value in values:
        table, equals, version = value.partition("=")
        try:
            if equals:
                versions[table] = int(version)
            else:
                moment = datetime.fromisoformat(value)
                time = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except ValueError:
            raise UsageError(
                "--as-of is not understood", found=value, remedy="write 2026-11-24T15:00Z or gold.bars_1m=3"
            ) from None
        if equals and table not in TABLES:
            raise UsageError(
                f"there is no table {table}", found=value, remedy=f"the tables are {', '.join(TABLES)}"
            )
    return versions, time


def show(answer: "duckdb.DuckDBPyRelation", form: str, max_rows: int) -> None:
    """Print the rows: a table that fits the terminal, or all of them as CSV or JSON."""
    import csv
    import json

    names = answer.columns
    if form == "json":
        print(
            json.dumps(
                [dict(zip(names, map(_plain, row), strict=True)) for row in answer.fetchall()], default=str
            )
        )
    elif form == "csv":
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(names)
        out.writerows([_text(value) for value in row] for row in answer.fetchall())
    else:
        _table(names, answer.limit(max_rows + 1).fetchall(), max_rows)


def _table(names: list[str], rows: list[tuple[object, ...]], max_rows: int) -> None:
    """The rows as a table; one record below the other where a terminal is too narrow for it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.measure import Measurement
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 10_000)
    texts = [[_text(value) for value in row] for row in rows[:max_rows]]
    table = Table(*names, header_style="bold")
    for row in texts:
        table.add_row(*[escape(text) for text in row])
    if Measurement.get(console, console.options.update(max_width=10_000), table).maximum <= console.width:
        console.print(table)
    else:
        wide = max(map(len, names))
        for number, row in enumerate(texts, 1):
            print(f"row {number}")
            print(
                "".join(f"  {name:{wide}}  {text}\n" for name, text in zip(names, row, strict=True)), end=""
            )
    more = f", more with --max-rows (shown: {max_rows})" if len(rows) > max_rows else ""
    print(f"{len(texts)} rows{more}")


def _plain(value: object) -> object:
    return value if isinstance(value, (int, float, str, bool, list, type(None))) else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace(
            "+00:00", "Z"
        )
    if isinstance(value, bool):
        return str(value).lower()
    return (
        value.hex()
        if isinstance(value, bytes) and not value.isascii()
        else value.decode()
        if isinstance(value, bytes)
        else str(value)
    )
