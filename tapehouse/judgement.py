"""What is seen, in words: which table is late and what is a problem, the same for `status` and the live page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapehouse.ledger import Run
    from tapehouse.services.instance import ServiceState

LATE_AFTER = timedelta(minutes=5)
# the tables that are as new as the stream, while a live source's exchange is open
PROMISED = ("silver.quotes", "gold.bars_1m")
LIVE = ("yahoo", "alpha_vantage")
# those whose quotes say their time: by the others no table can be late
TIMED = ("yahoo",)
# before the newest session of all: whoever sent since then should still send
SENT_WITHIN = timedelta(days=10)
# the tables that Airflow's daily_close brings, of the sessions of which exchange, and how long after a session's close:
# it begins after 4 h 30 min, and has 2 h
BROUGHT = ("gold.bars_1d", "gold.adjusted_bars_1d", "gold.indicators_1d")
OF_DAGS, BROUGHT_WITHIN = "XNYS", timedelta(hours=6, minutes=30)
# before it daily_close closed another session: whoever let it do so still wants it to
CLOSED_WITHIN = timedelta(days=10)


@dataclass
class TableLine:
    """A table: `state` is ok, late, stopped or empty."""

    name: str
    rows: int
    newest: datetime | None
    age: str | None
    version: int
    state: str


@dataclass
class Job:
    """The stream job: `state` is running, stopped (ended as asked), failed, or never started."""

    state: str
    since: datetime | None = None
    error: str | None = None


def job_of(run: "Run | None") -> Job:
    """The stream job, by its newest run."""
    if run is None:
        return Job("never started")
    return Job("stopped" if run.state == "done" else run.state, run.since, run.error)


def judge_tables(
    tables: Iterable[TableLine], *, at: datetime, job: Job, live_and_open: list[str]
) -> list[str]:
    """Set the state of each table that has rows; what is wrong with those that are late."""
    late = []
    for line in tables:
        old = line.newest is None or at - line.newest > LATE_AFTER
        if line.name in PROMISED and live_and_open and old and line.rows:
            line.state = "late"
            late.append(f"{line.name} is late by {line.age} while {', '.join(live_and_open)} should send")
        elif line.rows:
            line.state = "ok" if job.state == "running" else "stopped"
    return late


def due_session(
    sessions: Iterable[tuple[str, int, int]],
    *,
    followed: Iterable[tuple[date, date]],
    closed: Iterable[date],
    at: datetime,
) -> date | None:
    """The newest session whose day should be there; each of `sessions` has an open and a close as Unix times.

    `followed` are the spans [first, last) in which days of this exchange are followed, `closed` the sessions that
    daily_close has run for. None is due that is not followed, or that is the first.
    """
    limit = (at - BROUGHT_WITHIN).timestamp()
    over = [day for day, _, closes in sessions if closes <= limit]
    if not over:
        return None
    due = date.fromisoformat(max(over))
    is_followed = any(first <= due < last for first, last in followed)
    is_kept = any(due - CLOSED_WITHIN <= session < due for session in closed)
    return due if is_followed and is_kept else None


def judge_history(tables: Iterable[TableLine], *, due: date | None) -> list[str]:
    """Set the state of each table that should have the session that is due; what is wrong with those that are late."""
    late = []
    for line in tables:
        if line.name in BROUGHT and due and (line.newest is None or line.newest.date() < due):
            line.state = "late"
            ends = f"ends with {line.newest:%Y-%m-%d}" if line.newest else "has no row"
            late.append(f"{line.name} {ends}: daily_close should have brought {due}")
    return late


def judge_job(job: Job, *, lag: int | None, live_and_open: list[str]) -> list[str]:
    """What is wrong with the stream job."""
    stopped = job.state != "running"
    if job.state == "failed":
        return [f"the stream job failed: {job.error}; start it again"]
    if stopped and lag:
        return [f"the stream job is stopped and {lag:,} messages wait: start it"]
    if stopped and live_and_open:
        return ["the stream job is stopped while a live source's exchange is open: start it"]
    return []


def judge_services(those: "list[ServiceState]", remedy: str) -> list[str]:
    """Which of them died."""
    return [
        f"{one.name} died: see {one.log}; {remedy} brings it back" for one in those if one.state == "died"
    ]


def tell_alert(alert: dict[str, Any]) -> str:
    """An open alert of the ledger as a problem."""
    since = f"{alert['opened_at']:%Y-%m-%d %H:%M:%SZ}"
    return f"{alert['name']}: {alert['subject']} ({alert['found']}), since {since}; {alert['remedy']}"


def tell_age(age: timedelta) -> str:
    """An age in the largest unit of which there are two."""
    seconds = int(age.total_seconds())
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
