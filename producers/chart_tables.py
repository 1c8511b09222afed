"""Yahoo's chart as CSV: a function of the body alone and of when it was fetched, the values exactly as sent."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

BARS = ("timestamp", "open", "high", "low", "close", "volume", "adjclose")
ACTIONS = ("event", "date", "amount", "numerator", "denominator", "splitRatio")
INDICATORS = ("quote", "adjclose")
# the actions, and the numbers that none of them can be without
EVENTS = {
    "dividends": ("date", "amount"),
    "splits": ("date", "numerator", "denominator"),
    "capitalGains": ("date", "amount"),
}
MINUTE = 60
# a session's last trades come in for as long
SETTLES = timedelta(minutes=15)


def render_bars(body: bytes, *, fetched_at: datetime) -> tuple[bytes, int]:
    """The bars as CSV, and how many; one that is still forming is left out. What Yahoo left empty is empty."""
    chart = _chart(body)
    stamps = chart.get("timestamp") or []
    indicators = chart["indicators"]
    quote = (indicators.get("quote") or [{}])[0]
    if not stamps and any(quote.values()):
        raise ValueError("lost_timestamp")
    columns = {name: _column(name, quote, stamps) for name in BARS[1:6]}
    adjusted = (indicators.get("adjclose") or [{}])[0]
    is_daily = not chart["meta"]["dataGranularity"].endswith("m")  # minutes have none
    columns["adjclose"] = _column("adjclose", adjusted, stamps) if is_daily else [None] * len(stamps)
    rows = [
        (stamp, *("" if column[i] is None else _number(name, column[i]) for name, column in columns.items()))
        for i, stamp in enumerate(stamps)
        if _ends_before(chart["meta"], int(stamp), fetched_at)
    ]
    return _csv(BARS, rows), len(rows)


def render_actions(body: bytes) -> tuple[bytes, int]:
    """The dividends, splits and capital gains as CSV, and how many, in the order of their dates."""
    events = _chart(body).get("events") or {}
    rows = [(kind, *_event(kind, event)) for kind in EVENTS for event in (events.get(kind) or {}).values()]
    rows.sort(key=lambda row: (int(row[1]), row[0]))
    return _csv(ACTIONS, rows), len(rows)


def unknown_columns(body: bytes) -> list[str]:
    """What a chart holds of its bars beside what was known."""
    indicators = _chart(body)["indicators"]
    found = [f"indicators.{name}" for name in indicators if name not in INDICATORS]
    for part in INDICATORS:
        found += [f"{part}.{name}" for name in (indicators.get(part) or [{}])[0] if name not in BARS]
    return found


def unknown_events(body: bytes) -> list[str]:
    """What a chart holds of its actions beside what was known."""
    events = _chart(body).get("events") or {}
    found = {f"events.{kind}" for kind in events if kind not in EVENTS}
    for kind in EVENTS:
        ones = (events.get(kind) or {}).values()
        found |= {f"{kind}.{name}" for one in ones for name in one if name not in ACTIONS}
    return sorted(found)


class _Number(str):
    """A number of the body as the text that was sent."""


def _chart(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body, parse_float=_Number, parse_int=_Number)["chart"]["result"][0]
    return found


def _column(name: str, quote: dict[str, Any], stamps: list[Any]) -> list[Any]:
    """A column of as many values as there are bars."""
    if not stamps:
        return []
    if name not in quote:
        raise ValueError(f"lost_{name}")
    values = quote[name]
    if not isinstance(values, list) or len(values) != len(stamps):
        raise ValueError(f"retyped_{name}")
    return values


def _event(kind: str, event: dict[str, Any]) -> Iterator[str]:
    for name in EVENTS[kind]:
        if name not in event:
            raise ValueError(f"lost_{kind}.{name}")
        _number(f"{kind}.{name}", event[name])
    for name in ACTIONS[1:]:
        yield event.get(name, "")


def _number(name: str, value: Any) -> str:
    if not isinstance(value, _Number):
        raise ValueError(f"retyped_{name}")
    return value


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
