"""What the boxes of the page are made of: each look asks one thing, only reads, and keeps its connection."""

import socket
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tapehouse.measuring.catalogue import Sample
from tapehouse.measuring.stream import JOB

if TYPE_CHECKING:
    from jobs.lake.postgres import Connection
    from jobs.lake.settings import Settings
    from tapehouse.ledger import LedgerReader, Run
    from tapehouse.services.instance import ServiceState

Numbers = dict[tuple[str, ...], float]
RECEIPTS, RUNS = 5, 12
ALERTS = """SELECT name, subject, found, remedy, opened_at FROM alerts WHERE closed_at IS NULL
ORDER BY opened_at, name, subject"""
BEATS = """SELECT producer, host, pid, extract(epoch FROM now() - beat_at)::double precision FROM heartbeats
WHERE topic = %s"""
PROGRAMS = """SELECT job, state, started_at, ended_at, error, runs.host, runs.pid,
extract(epoch FROM now() - renewed_at)::double precision FROM runs LEFT JOIN leases ON holder = run_id
WHERE started_at >= date_trunc('day', now()) ORDER BY started_at DESC LIMIT %s"""
DAG_RUNS = """SELECT dag_id, session, state, is_late, reason, started_at, ended_at FROM dag_runs
WHERE coalesce(ended_at, now()) >= date_trunc('day', now()) ORDER BY started_at DESC LIMIT %s"""
COUNTS = """SELECT count(*), count(*) FILTER (WHERE state NOT IN ('done', 'success', 'running')) FROM (
SELECT state FROM runs WHERE started_at >= date_trunc('day', now())
UNION ALL SELECT state FROM dag_runs WHERE coalesce(ended_at, now()) >= date_trunc('day', now())) AS today"""
LOADS = """SELECT table_name, to_version, rows_total, loaded_at FROM loads
WHERE starts_with(warehouse, %s) ORDER BY loaded_at DESC, load_id LIMIT %s"""


class JobSeen(NamedTuple):
    """The stream job's newest run, and when its topic's newest batch was committed."""

    run: "Run | None"
    committed_at: datetime | None


class Beat(NamedTuple):
    """A producer: seconds since its last beat, and whether its process is there, as far as that can be seen."""

    producer: str
    age: float
    is_alive: bool


class Operations(NamedTuple):
    """What the ledger says of everything else. Programs and DAG runs are the newest of `today`, of which `failed` did.

    A program that died before it could say so has failed in its line, and is not counted. `closed` are the last
    sessions that daily_close has run for.
    """

    alerts: list[dict[str, Any]]
    beats: "list[Beat]"
    programs: list[dict[str, Any]]
    dag_runs: list[dict[str, Any]]
    loads: list[dict[str, Any]]
    today: int = 0
    failed: int = 0
    closed: tuple[date, ...] = ()


class JobLook:
    """One connection, made anew after it failed."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._reader: LedgerReader | None = None

    def __call__(self) -> JobSeen:
        from tapehouse.ledger import LedgerReader

        if self._reader is None:
            self._reader = LedgerReader(self._settings)
        try:
            run = self._reader.newest_run(JOB, topic=self._settings.topic)
            _, committed_at = self._reader.newest_batches(self._settings.topic)
        except BaseException:
            lost, self._reader = self._reader, None
            lost.close()
            raise
        return JobSeen(run, committed_at)


class OperationsLook:
    """One connection, made anew after it failed."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._connection: Connection | None = None

    def __call__(self) -> Operations:
        from jobs.lake.postgres import Connection
        from tapehouse.ledger import CLOSED_SESSIONS, is_alive

        if self._connection is None or self._connection.is_closed:
            self._connection = Connection(self._settings, read_only=True)
        ask = self._connection.execute
        if ask("SELECT to_regclass('dag_runs')") == [(None,)]:
            return Operations([], [], [], [], [])  # no program has come to the ledger yet
        beats = ask(BEATS, (self._settings.topic,))
        ((today, failed),) = ask(COUNTS)
        return Operations(
            _rows(("name", "subject", "found", "remedy", "opened_at"), ask(ALERTS)),
            [
                Beat(producer, age, host != socket.gethostname() or is_alive(pid))
                for producer, host, pid, age in beats
            ],
            [_program(*row) for row in ask(PROGRAMS, (RUNS,))],
            _rows(
                ("dag_id", "session", "state", "is_late", "reason", "started_at", "ended_at"),
                ask(DAG_RUNS, (RUNS,)),
            ),
            _rows(
                ("table", "version", "rows", "loaded_at"),
                ask(LOADS, (f"{self._settings.warehouse}:", RECEIPTS)),
            ),
            today,
            failed,
            tuple(session for (session,) in ask(CLOSED_SESSIONS)),
        )


def numbers(look: Callable[[], Iterable[Sample]]) -> Callable[[], Numbers]:
    """A part of `tapehouse metrics` as a look: its values by name and labels."""
    return lambda: {(sample.name, *sample.labels): sample.value for sample in look()}


def look_at_services() -> "list[ServiceState]":
    """The services of this checkout and what runs beside them, where some are up."""
    from tapehouse.services.instance import find_running

    instance = find_running()
    return [*instance.services(), *instance.programs()] if instance else []


def _program(
    job: str,
    state: str,
    started_at: datetime,
    ended_at: datetime | None,
    error: str | None,
    host: str,
    pid: int,
    unrenewed: float | None,
) -> dict[str, Any]:
    from tapehouse.ledger import state_of

    judged, why = state_of(state, error, host=host, pid=pid, unrenewed=unrenewed)
    told = {"job": job, "state": judged, "started_at": started_at, "ended_at": ended_at, "error": why}
    return told | {"has_died": judged != state}


def _rows(names: tuple[str, ...], found: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in found]
