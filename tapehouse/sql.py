"""`tapehouse sql`: questions to bronze, silver and gold, now or as they were."""

import argparse
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.lake.arguments import symbols

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
        "--known-at",
        metavar="TIME",
        help="daily history as it could be known at a time (2017-02-03T22:00Z): silver.bars_1d and actions, "
        "gold.bars_1d, actions, adjusted_bars_1d and indicators_1d; no other table has a time of knowledge",
    )
    parser.add_argument(
        "--symbols",
        type=symbols,
        metavar="AAPL,...",
        help="with --known-at: of these alone, a provisional one as SOURCE:SYMBOL; adjusted prices and "
        "indicators need it",
    )
    parser.add_argument(
        "--assume-known",
        choices=["close"],
        help="with --known-at: what was told first counts as known from its session's close, a split or dividend "
        "from its ex_date's open",
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
    from tapehouse.delta import connect

    if not READS.match(args.query):
        raise UsageError(
            "only questions are answered here",
            found=args.query[:60],
            remedy="begin with SELECT, WITH, FROM, DESCRIBE or SHOW",
        )
    connection = connect()
    there = _attach(connection, args)
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


def _attach(connection: "duckdb.DuckDBPyConnection", args: argparse.Namespace) -> list[str]:
    """Make views of the tables as the options say; the names that may be asked."""
    from tapehouse.context import use_running_environment
    from tapehouse.delta import attach

    if args.known_at is None:
        _refuse_without_known_at(args)
        versions, time = read_as_of(args.as_of)
        return attach(connection, use_running_environment(), versions=versions, time=time)
    from tapehouse.known_at import attach_known

    moment = read_known_at(args.known_at, args.as_of)
    return attach_known(
        connection,
        use_running_environment(),
        query=args.query,
        moment=moment,
        symbols=args.symbols,
        assume_close=args.assume_known == "close",
    )


def _refuse_without_known_at(args: argparse.Namespace) -> None:
    from jobs.lake.errors import UsageError

    given = {"--symbols": args.symbols, "--assume-known": args.assume_known}
    alone = [option for option, value in given.items() if value is not None]
    if alone:
        raise UsageError(
            f"{' and '.join(alone)} say what --known-at shows",
            found="no --known-at",
            remedy="add it, or ask with WHERE symbol = 'AAPL'",
        )


def read_known_at(value: str, as_of: list[str]) -> datetime:
    """The moment of --known-at, which nothing else may contradict."""
    from jobs.lake.errors import UsageError

    if as_of:
        raise UsageError(
            "--known-at and --as-of exclude each other: one asks what was known, the other what was stored",
            found=f"--known-at {value} --as-of {as_of[0]}",
            remedy="leave one of them out",
        )
    try:
        return _moment(value)
    except ValueError:
        raise UsageError(
            "--known-at is not understood", found=value, remedy="write 2017-02-03T22:00Z"
        ) from None


def _moment(value: str) -> datetime:
    """A time as it is written, in UTC where it says no zone."""
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


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
                time = _moment(value)
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
