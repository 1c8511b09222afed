"""The tables of history as a box: each beside the session that daily_close should have brought."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING

from tapehouse.judgement import BROUGHT, CLOSED_WITHIN, OF_DAGS, due_session, judge_history
from tapehouse.web.box import Box
from tapehouse.web.boxes import table_lines, tables_box
from tapehouse.web.looks import Numbers

if TYPE_CHECKING:
    from tapehouse.web.listings import Listings


def due_of(listings: "Listings", closed: Iterable[date], at: datetime) -> date | None:
    """The session that is due at a moment, by the calendar of the DAGs and what is followed."""
    today = at.date()
    sessions = listings.sessions_between(OF_DAGS, today - CLOSED_WITHIN, today)
    return due_session(sessions, followed=listings.days, closed=closed, at=at)


def history_box(
    title: str, found: Numbers, names: Iterable[str], *, due: date | None, at: datetime
) -> tuple[Box, list[str]]:
    """The box, with those tables that are there or due, and what is wrong."""
    lines = table_lines(found, names, at)
    problems = judge_history(lines, due=due)
    promises = dict.fromkeys(BROUGHT, f"{due}, 6 h 30 min after its close") if due else {}
    shown = [line for line in lines if line.version >= 0 or line.state == "late"]
    return tables_box("tables", title, shown, promises=promises), problems
