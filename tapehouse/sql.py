"""`tapehouse sql`: questions to bronze, silver and gold, now or as they were."""

import argparse
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.lake.arguments import symbols
from tapehouse.show_rows import show

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
        "--warehouse",
        action="store_true",
        help="ask the warehouse instead of the lake: gold.bars_1d and others as loaded, lake_loads, lake_heads",
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
    if args.warehouse:
        return _ask_warehouse(args)
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


def _ask_warehouse(args: argparse.Namespace) -> int:
    import duckdb

    from jobs.lake.errors import UsageError
    from jobs.warehouse.connect import open_reader
    from tapehouse.context import use_running_environment

    if args.as_of or args.known_at or args.symbols or args.assume_known:
        raise UsageError(
            "--warehouse shows one version of each table, the one that was loaded",
            found="--as-of, --known-at, --symbols or --assume-known beside it",
            remedy="leave them out, or ask the lake; gold.bars_1d_versions says in both what was known when",
        )
    with open_reader(use_running_environment()) as warehouse:
        answer = warehouse.ask(args.query)
        show(duckdb.connect().from_arrow(answer), args.format, args.max_rows)
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
