"""What is known of a day or a minute that has no bar: the calendar, the lines that were rejected, the nearest bars."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tapehouse.explain_lake import Lake, Row, text
from tapehouse.explain_names import Meant

if TYPE_CHECKING:
    from jobs.lake.sessions import Session

# lines that tell a bar of a day, or may: what day a stamp is of depends on the time zone
LINES_OF_DAY = """
SELECT l.object, l.row, l.line, l.source, o.asked_for,
    trim(coalesce(string_split(l.line, ',')[o.places['symbol']], l.vendor_symbol)) AS listed_as,
    try_cast(string_split(l.line, ',')[o.places['timestamp']] AS BIGINT) AS stamp
FROM bronze.history l JOIN bronze.history o ON o.object = l.object AND o.row = 0 AND l.row > 1
WHERE o.dataset = 'bars_1d' AND coalesce(o.first_session <= $after, true) AND coalesce(o.last_session >= $before, true)
    AND (starts_with(trim(string_split(l.line, ',')[o.places['session']]), $written) OR stamp BETWEEN $first AND $last)
ORDER BY l.fetched_at, l.object, l.row
"""
COVERING = """row = 0 AND dataset = 'bars_1d' AND covers_from <= ? AND covers_to > ?
    AND (asked_for = ? OR upper(vendor_symbol) = ANY(?)) ORDER BY fetched_at"""


def of_day(lake: Lake, meant: Meant, day: date, *, source: str | None, told_by: Sequence[str]) -> Row:
    """What is known of a day without a bar: its `lines` in the raw bucket, rejected or not built yet, among it.

    `told_by` are the sources that silver has versions of.
    """
    session = _session(meant, day)
    before, after = (
        lake.rows(
            "gold.bars_1d",
            f"instrument_id = ? AND session {sign} ? ORDER BY session {order} LIMIT 1",
            meant.instrument_id,
            day,
            columns="session",
        )
        for sign, order in (("<", "DESC"), (">", "ASC"))
    )
    covering = lake.rows(
        "bronze.history",
        COVERING,
        day,
        day,
        meant.instrument_id,
        sorted(meant.spellings),
        columns="source, object, fetched_at",
    )
    return {
        **_calendar(meant, day, session),
        "told_by": told_by,
        "lines": [
            line
            for line in _lines(lake, meant, day)
            if source in {None, line["source"]} and (line["violations"] or line["source"] not in told_by)
        ],
        "covered_by": [one for one in covering if source in {None, one["source"]}],
        "nearest": [row["session"] for row in (*before, *after)],
    }


def of_minute(lake: Lake, meant: Meant, minute: datetime) -> Row:
    """What is known of a minute without a bar."""
    day = minute.astimezone(ZoneInfo(meant.zone)).date()
    session = _session(meant, day)
    nearest = [
        row["bar_start"]
        for sign, order in (("<", "DESC"), (">", "ASC"))
        for row in lake.bars(
            f"instrument_id = ? AND bar_start {sign} ?",
            meant.instrument_id,
            minute,
            after=f"ORDER BY bar_start {order} LIMIT 1",
        )
    ]
    expected = None if session is None else session.first_quote <= minute < session.last_quote
    return {**_calendar(meant, day, session), "is_quoted_then": expected, "nearest": nearest}


def say(nothing: Row) -> list[str]:
    """The same in sentences."""
    day, calendar = nothing["day"], nothing["calendar"]
    said = {
        None: f"of {day} the calendar {calendar} is not known",
        False: f"{day} was no session of {calendar}: the exchange was closed",
        True: f"{day} was a session of {calendar}, open at {text(nothing.get('session_open'))}",
    }
    told = [said[nothing["is_session"]]]
    if nothing.get("is_quoted_then") is False:
        first, last = text(nothing["first_quote"]), text(nothing["last_quote"])
        told.append(f"the minute is outside the hours of its quotes, {first} to {last}")
    elif "lines" not in nothing and nothing["is_session"]:
        told.append("no quote of this minute was accepted: no quote, no bar")
    for line in nothing.get("lines", ()):
        fate = (
            f"rejected: {', '.join(line['violations'])}" if line["violations"] else "accepted, not built yet"
        )
        told.append(f"{line['source']} told of it, {fate}: see {line['object']} line {line['row']}")
    for one in nothing.get("covered_by", ()):
        told.append(
            f"{one['source']}'s answer of {text(one['fetched_at'])} covers the day and has no bar of it"
        )
    if nothing.get("told_by"):
        told.append(f"silver.bars_1d has versions of it by {', '.join(nothing['told_by'])}")
    elif nothing["is_session"] and not nothing.get("lines", True) and not nothing["covered_by"]:
        told.append("not fetched: no object of the raw bucket that is loaded tells of it")
    near = " and ".join(map(_short, nothing["nearest"]))
    told.append(f"the nearest bars are of {near}" if near else "there is no bar of this instrument at all")
    return told


def _short(value: date | datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%MZ}" if isinstance(value, datetime) else str(value)


def _session(meant: Meant, day: date) -> "Session | None":
    from jobs.lake.sessions import sessions_of

    return next((one for one in sessions_of([meant.calendar], until=day) if one.session == day), None)


def _calendar(meant: Meant, day: date, session: "Session | None") -> Row:
    from jobs.lake.sessions import OLDEST

    found: Row = {"day": day, "calendar": meant.calendar, "is_session": session is not None}
    if session is None:
        return found | ({"is_session": None} if day < OLDEST else {})
    names = ("first_quote", "session_open", "last_quote")
    return found | {name: getattr(session, name) for name in names}


def _lines(lake: Lake, meant: Meant, day: date) -> list[Row]:
    """The lines of bronze.history that tell a bar of the day, with the rules that they break."""
    if not lake.has("bronze.history"):
        return []
    noon = int(datetime.combine(day, time(12), UTC).timestamp())
    span = int(timedelta(hours=36).total_seconds())
    parameters = {
        "written": str(day),
        "before": day - timedelta(1),
        "after": day + timedelta(1),
        "first": noon - span,
        "last": noon + span,
    }
    own = [row for row in lake.ask(LINES_OF_DAY, parameters) if _is_meant(row, meant, day)]
    rejected = _violations(lake, own)
    shown = ("object", "row", "line", "source")
    return [
        {name: row[name] for name in shown} | {"violations": rejected.get((row["object"], row["row"]), [])}
        for row in own
    ]


def _violations(lake: Lake, lines: Sequence[Row]) -> dict[tuple[Any, Any], list[str]]:
    keys, rows = sorted({row["object"] for row in lines}), sorted({row["row"] for row in lines})
    found = (
        lake.rows("silver.history_rejected", "object = ANY(?) AND row = ANY(?)", keys, rows) if lines else []
    )
    return {(row["object"], row["row"]): row["violations"] for row in found}


def _is_meant(row: Row, meant: Meant, day: date) -> bool:
    if row["asked_for"] is None:
        name = row["listed_as"] or ""
        if name.upper() not in meant.spellings and f"{row['source']}:{name}" != meant.instrument_id:
            return False
    elif row["asked_for"] != meant.instrument_id:
        return False
    if row["stamp"] is None:
        return True
    return datetime.fromtimestamp(row["stamp"], ZoneInfo(meant.zone)).date() == day
