"""The rows of an answer on a terminal, or as CSV or JSON."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


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
