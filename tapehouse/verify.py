"""`tapehouse verify`: invariants 1 to 3, from bronze up, by another engine and other code than the stream's."""

import argparse
import json
from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from jobs.lake.settings import Settings
    from tapehouse.verify_report import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    day = date.fromisoformat
    newest = "the newest in silver.quotes"
    parser.add_argument(
        "--from", dest="first", type=day, metavar="DATE", help=f"first session (default: {newest})"
    )
    parser.add_argument(
        "--to", dest="last", type=day, metavar="DATE", help="end of the sessions, not included"
    )
    parser.add_argument("--json", action="store_true", help="the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0: all hold; 1: one does not; 2: there is nothing to check in the range."""
    from tapehouse.context import use_running_environment

    report = verify(use_running_environment(), first=args.first, last=args.last)
    if args.json:
        print(json.dumps(asdict(report) | {"ok": report.ok}, default=str, indent=1))
    else:
        show(report)
    return 0 if report.ok else 1


def verify(settings: "Settings", *, first: date | None = None, last: date | None = None) -> "Report":
    """Check invariants 1 and 2 over all of bronze, and 3 for the sessions in [first, last)."""
    from tapehouse.delta import connect
    from tapehouse.verify_bars import check_gold
    from tapehouse.verify_lake import check_bronze, check_conservation, form_opinions
    from tapehouse.verify_report import Report
    from tapehouse.verify_tables import TablesAsRecorded

    connection = connect()
    tables = TablesAsRecorded(connection, settings)
    first, last = _sessions(connection, first, last)
    report = Report(first, last, not_yet_checked=tables.above)
    report.checks += check_bronze(connection, tables.ranges)
    form_opinions(connection, settings)
    report.checks += check_conservation(connection)
    report.checks += check_gold(connection, settings, first, last)
    connection.close()
    return report


def show(report: "Report") -> None:
    for check in report.checks:
        counts = ", ".join(f"{count:,} {name}" for name, count in check.counted.items())
        print(f"{'ok    ' if check.ok else 'FAILED'} {check.invariant}  {check.statement}: {counts}")
        for example in check.examples:
            print(f"            {example}")
    if report.not_yet_checked:
        print(
            f"not yet checked: {report.not_yet_checked:,} messages above the end that all tables have recorded"
        )
    failed = sum(not check.ok for check in report.checks)
    print(
        f"{f'{failed} checks FAILED' if failed else 'all invariants hold'} for sessions [{report.first}, {report.last})"
    )


def _sessions(
    connection: "duckdb.DuckDBPyConnection", first: date | None, last: date | None
) -> tuple[date, date]:
    """The range to check: a session with quotes that make bars lies in it."""
    from jobs.lake.errors import NoDataError

    of_bars = "FROM silver.quotes WHERE event_time IS NOT NULL"
    newest = connection.execute(f"SELECT max(session) {of_bars}").fetchall()[0][0]
    if newest is None:
        raise NoDataError(
            "silver.quotes holds no quote that makes a bar", remedy="start the stream, or `make demo`"
        )
    first = first or (newest if last is None or newest < last else last - timedelta(1))
    last = last or max(newest, first) + timedelta(1)
    found = f"SELECT count(*) {of_bars} AND session >= ? AND session < ?"
    if not connection.execute(found, [first, last]).fetchall()[0][0]:
        raise NoDataError(
            f"no session of silver.quotes lies in [{first}, {last})",
            found=f"the newest is {newest}",
            remedy="choose others",
        )
    return first, last
