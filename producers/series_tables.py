"""Alpha Vantage's time series as CSV: its own column names, the values as sent, oldest first."""

import csv
import io
import re
from collections.abc import Mapping

COLUMNS = ("1. open", "2. high", "3. low", "4. close", "5. volume")
# the minutes of a day with its extended hours, and of the regular session alone
EXTENDED, REGULAR = ("04:00:00", "20:00:00"), ("09:30:00", "16:00:00")


def render_series(series: Mapping[str, Mapping[str, str]]) -> tuple[bytes, int]:
    """The rows as CSV, and how many; `timestamp` is the vendor's stamp, of its own time zone."""
    columns = list(next(iter(series.values())))
    if lost := [name for name in COLUMNS if name not in columns]:
        raise ValueError(f"lost_{lost[0]}")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["timestamp", *columns])
    for stamp in sorted(series):
        row = series[stamp]
        if list(row) != columns:
            raise ValueError(f"{stamp} has {list(row)}, the others {columns}")
        if retyped := [name for name in COLUMNS if not _is_number(row[name])]:
            raise ValueError(f"retyped_{retyped[0]}")
        writer.writerow([stamp, *row.values()])
    return text.getvalue().encode(), len(series)


def unknown_fields(series: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The columns beside those that were known; they are in the CSV too."""
    return sorted({name for row in series.values() for name in row if name not in COLUMNS})


def labels_of(series: Mapping[str, object]) -> str:
    """Whether a minute is called by its start or by its end; `day` for days, `unknown` where no row tells.

    The vendor has changed it: minutes of 2020 run from 04:01 to 20:00, later ones from 04:00 to 19:59.
    """
    stamps = list(series)
    if len(stamps[0]) == len("2026-11-26"):
        return "day"
    times = {stamp[11:] for stamp in stamps}
    is_extended = min(times) < REGULAR[0] or max(times) > REGULAR[1]
    first_start, last_end = EXTENDED if is_extended else REGULAR
    if (first_start in times) == (last_end in times):
        return "unknown"
    return "start" if first_start in times else "end"


def _is_number(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is not None
