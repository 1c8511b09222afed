"""Yahoo's chart as CSV: a function of the body alone and of when it was fetched, the values exactly as sent."""

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

BARS = ("timestamp", "open", "high", "low", "close", "volume", "adjclose")
ACTIONS = ("event", "date", "amount", "numerator", "denominator", "splitRatio")
MINUTE = 60
# a session's last trades come in for as long
SETTLES = timedelta(minutes=15)


def render_bars(body: bytes, *, fetched_at: datetime) -> tuple[bytes, int]:
    """The bars as CSV, and how many; one that is still forming is left out. What Yahoo left empty is empty."""
    chart = _chart(body)
    stamps = chart.get("timestamp") or []
    indicators = chart["indicators"]
    quote = (indicators.get("quote") or [{}])[0]
    columns = {name: quote.get(name) for name in BARS[1:6]}
    columns["adjclose"] = (indicators.get("adjclose") or [{}])[0].get("adjclose")
    rows = [
        (stamp, *("" if column is None or column[i] is None else column[i] for column in columns.values()))
        for i, stamp in enumerate(stamps)
        if _ends_before(chart["meta"], int(stamp), fetched_at)
    ]
    return _csv(BARS, rows), len(rows)


def render_actions(body: bytes) -> tuple[bytes, int]:
    """The dividends, splits and capital gains as CSV, and how many, in the order of their dates."""
    events = _chart(body).get("events") or {}
    rows = [
        (kind, *(event.get(name, "") for name in ACTIONS[1:]))
        for kind, found in events.items()
        for event in found.values()
    ]
    rows.sort(key=lambda row: (int(row[1]), row[0]))
    return _csv(ACTIONS, rows), len(rows)


def _chart(body: bytes) -> dict[str, Any]:
    """The chart with every number as the text that was sent."""
    found: dict[str, Any] = json.loads(body, parse_float=str, parse_int=str)["chart"]["result"][0]
    return found


def _ends_before(meta: dict[str, Any], begin: int, fetched_at: datetime) -> bool:
    """Whether the bar that begins at `begin` was over when it was fetched."""
    now = fetched_at.timestamp()
    width = meta["dataGranularity"]
    if width.endswith("m"):
        return begin + MINUTE * int(width[:-1]) <= now
    today = meta["currentTradingPeriod"]["regular"]
    return begin < int(today["start"]) or int(today["end"]) + SETTLES.total_seconds() <= now


def _csv(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
