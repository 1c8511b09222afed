"""What runs and what is wrong, as the ledger has it: alerts, open work, programs, and Airflow's runs."""

from contextlib import closing
from typing import TYPE_CHECKING

from tapehouse.dag_run import FAILED, LATE
from tapehouse.drift import CHANGED, UNKNOWN
from tapehouse.guard_report import CRASHES, GROWS, SILENT, STALE, STOPPED
from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.postgres import Connection
    from jobs.lake.settings import Settings

PROGRAM_STATES = ("running", "done", "failed")
DAG_STATES = ("running", "success", "failed")
# known from the first look on, so that an alert that opens is seen to open
ALERTS = (
    *(STOPPED, STALE, GROWS, CRASHES, SILENT),
    *(FAILED, LATE),
    *(UNKNOWN, CHANGED),
    *("source_refuses", "parity"),
)
WORK = tuple((kind, state) for kind in ("fetch", "look") for state in ("open", "given_up"))


class OperationsPart:
    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def look(self) -> list[Sample]:
        from jobs.lake.postgres import Connection

        with closing(Connection(self._settings, read_only=True)) as connection:
            if connection.execute("SELECT to_regclass('dag_runs')") == [(None,)]:
                return []  # no program has come to the ledger yet
            return [
                *_alerts(connection),
                *_work(connection),
                *_programs(connection),
                *_dag_runs(connection),
            ]


def _alerts(connection: "Connection") -> list[Sample]:
    rows = connection.execute(
        """SELECT name, count(*) FILTER (WHERE closed_at IS NULL), min(opened_at) FILTER (WHERE closed_at IS NULL)
        FROM alerts GROUP BY 1"""
    )
    numbers = dict.fromkeys(ALERTS, 0) | {str(name): int(number) for name, number, _ in rows}
    found = [Sample("tapehouse_alert_open", number, (name,)) for name, number in sorted(numbers.items())]
    oldest = "tapehouse_alert_oldest_timestamp_seconds"
    return [*found, *[Sample(oldest, since.timestamp(), (name,)) for name, _, since in rows if since]]


def _work(connection: "Connection") -> list[Sample]:
    rows = connection.execute(
        "SELECT kind, state, count(*) FROM work WHERE state <> 'done' GROUP BY 1, 2", limit=30.0
    )
    numbers = dict.fromkeys(WORK, 0) | {(kind, state): int(number) for kind, state, number in rows}
    return [Sample("tapehouse_work", number, of) for of, number in numbers.items()]


def _programs(connection: "Connection") -> list[Sample]:
    rows = connection.execute(
        """SELECT DISTINCT ON (job) job, state, started_at,
        extract(epoch FROM coalesce(ended_at, now()) - started_at)::double precision
        FROM runs ORDER BY job, started_at DESC""",
        limit=30.0,
    )
    found = []
    for program, state, started, seconds in rows:
        for each in PROGRAM_STATES:
            found.append(Sample("tapehouse_program_state", float(each == state), (program, each)))
        found.append(Sample("tapehouse_program_started_timestamp_seconds", started.timestamp(), (program,)))
        found.append(Sample("tapehouse_program_duration_seconds", seconds, (program,)))
    return found


def _dag_runs(connection: "Connection") -> list[Sample]:
    rows = connection.execute(
        """SELECT DISTINCT ON (dag_id) dag_id, state, is_late, started_at, max(ended_at) OVER (PARTITION BY dag_id)
        FROM dag_runs ORDER BY dag_id, started_at DESC, run_id DESC"""
    )
    found = []
    for dag, state, is_late, started, ended in rows:
        for each in DAG_STATES:
            found.append(Sample("tapehouse_dag_run_state", float(each == state), (dag, each)))
        found.append(Sample("tapehouse_dag_run_late", float(is_late), (dag,)))
        found.append(Sample("tapehouse_dag_run_started_timestamp_seconds", started.timestamp(), (dag,)))
        if ended:
            found.append(Sample("tapehouse_dag_run_ended_timestamp_seconds", ended.timestamp(), (dag,)))
    return found
