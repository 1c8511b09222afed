"""What the command line asks of the ledger: the stream's newest run, and its batches."""

import os
import socket
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.lake.settings import Settings

# the newest first, and more of them than it needs to be known whether Airflow closes the days
CLOSED_SESSIONS = """SELECT DISTINCT session FROM dag_runs WHERE dag_id = 'daily_close' AND session IS NOT NULL
ORDER BY session DESC LIMIT 30"""
# seconds without a renewal after which a process of this host is not the run's: its pid is another's, or it is stopped
NO_LONGER_ITS_PROCESS = 600.0


@dataclass(frozen=True)
class Run:
    """The newest run of a job; `state` is running, done or failed, the last also where the process is gone.

    Of a process on another host only its lease tells, and of one here after ten minutes. `unrenewed` is the age of its
    lease in seconds.
    """

    run_id: str
    state: str
    since: datetime
    is_ready: bool
    error: str | None
    unrenewed: float


class LedgerReader:
    """A connection that only reads."""

    def __init__(self, settings: "Settings") -> None:
        from jobs.lake.postgres import Connection

        self._connection = Connection(settings, read_only=True)

    def newest_run(self, job: str, *, topic: str) -> Run | None:
        """The run of `job` on a topic that still runs, else the newest, None before the first.

        A driver that was refused beside one that runs is newer, and not what is asked for.
        """
        rows = self._ask(
            """SELECT run_id, state, started_at, coalesce((details ->> 'ready')::boolean, false), error,
            runs.host, runs.pid, extract(epoch FROM now() - coalesce(renewed_at, started_at))::double precision
            FROM runs LEFT JOIN leases ON holder = run_id
            WHERE job = %s AND details ->> 'topic' = %s ORDER BY started_at DESC LIMIT 20""",
            (job, topic),
        )
        runs = [_run(*row) for row in rows]
        return next((run for run in runs if run.state == "running"), runs[0] if runs else None)

    def failures(self, job: str, *, topic: str, hours: int) -> list[str]:
        """What the runs of `job` on a topic failed by that began in the last hours, the newest first."""
        rows = self._ask(
            """SELECT coalesce(error, 'no reason is known') FROM runs WHERE job = %s AND details ->> 'topic' = %s
            AND state = 'failed' AND started_at > now() - make_interval(hours => %s) ORDER BY started_at DESC""",
            (job, topic, hours),
        )
        return [str(error) for (error,) in rows]

    def batches(self) -> list[dict[str, Any]]:
        """All batches, in the order in which they became visible."""
        names = [
            "topic",
            "start",
            "end",
            "messages",
            "accepted",
            "rejected",
            "duplicates",
            "bars",
            "seconds",
            "committed_at",
        ]
        columns = ", ".join(f'"{name}"' for name in names)
        rows = self._ask(f"SELECT {columns} FROM batches ORDER BY committed_at", ())
        return [dict(zip(names, row, strict=True)) for row in rows]

    def read_to(self, topic: str) -> dict[int, int]:
        """How far the topic's batches go, in each partition."""
        read: dict[int, int] = {}
        for batch in self.batches():
            if batch["topic"] == topic:
                for partition, end in batch["end"].items():
                    read[int(partition)] = max(int(end), read.get(int(partition), 0))
        return read

    def newest_batches(self, topic: str) -> tuple[dict[int, int], datetime | None]:
        """How far the topic's newest batches go in each partition, and when the last was committed."""
        rows = self._ask(
            'SELECT "end", committed_at FROM batches WHERE topic = %s ORDER BY committed_at DESC LIMIT 100',
            (topic,),
        )
        read: dict[int, int] = {}
        for ends, _ in rows:
            for partition, end in ends.items():
                read[int(partition)] = max(int(end), read.get(int(partition), 0))
        return read, rows[0][1] if rows else None

    def loads(self, tables: list[str], *, limit: int) -> list[dict[str, Any]]:
        """The newest loads into any warehouse, of some tables or of all."""
        if self._connection.execute("SELECT to_regclass('loads')") == [(None,)]:
            return []
        rows = self._connection.execute(
            """SELECT row_to_json(loads) FROM loads WHERE cardinality(%s::text[]) = 0 OR table_name = ANY (%s)
            ORDER BY loaded_at DESC, load_id LIMIT %s""",
            (tables, tables, limit),
        )
        return [one | {"loaded_at": datetime.fromisoformat(one["loaded_at"])} for (one,) in rows]

    def dag_runs(self, *, sessions: int) -> list[dict[str, Any]]:
        """The last run of each DAG and session: of its newest sessions, or the last of all where it has none."""
        if self._connection.execute("SELECT to_regclass('dag_runs')") == [(None,)]:
            return []
        names = ["dag_id", "run_id", "session", "state", "is_late", "reason", "started_at", "ended_at"]
        columns = ", ".join(names)
        rows = self._connection.execute(
            f"""SELECT {columns} FROM (
                SELECT *, row_number() OVER (PARTITION BY dag_id ORDER BY session DESC NULLS LAST) AS place FROM (
                    SELECT DISTINCT ON (dag_id, session) {columns} FROM dag_runs
                    ORDER BY dag_id, session, started_at DESC, run_id DESC) AS last_of_each) AS placed
            WHERE place <= %s ORDER BY dag_id, place""",
            (sessions,),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def closed_sessions(self) -> list[date]:
        """The last sessions that daily_close has run for, whatever became of it."""
        if self._connection.execute("SELECT to_regclass('dag_runs')") == [(None,)]:
            return []
        return [session for (session,) in self._connection.execute(CLOSED_SESSIONS)]

    def may_write(self) -> bool:
        """Whether this account may add runs of its own."""
        asked = "SELECT to_regclass('runs') IS NULL OR has_table_privilege(to_regclass('runs'), 'INSERT')"
        return self._connection.execute(asked) == [(True,)]

    def close(self) -> None:
        self._connection.close()

    def _ask(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection.execute("SELECT to_regclass('runs')") == [(None,)]:
            return []  # no program has come to the ledger yet
        return self._connection.execute(query, parameters)


def is_alive(pid: int) -> bool:
    """Whether a process of this machine has this pid."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def state_of(
    state: str, error: str | None, *, host: str, pid: int, unrenewed: float | None
) -> tuple[str, str | None]:
    """A run's state and error as they are, whatever its row says; `unrenewed` is None where it holds no lease."""
    from jobs.lake.lease import HOLDER_IS_LOST_AFTER

    if state != "running":
        return state, error
    is_ours = host == socket.gethostname()
    if is_ours and not is_alive(pid):
        return "failed", "its process is gone"
    if unrenewed is not None and unrenewed > (NO_LONGER_ITS_PROCESS if is_ours else HOLDER_IS_LOST_AFTER):
        return "failed", f"its lease was renewed {unrenewed:.0f} s ago, by pid {pid} on {host}"
    return state, error


def _run(
    run_id: str,
    state: str,
    since: datetime,
    is_ready: bool,
    error: str | None,
    host: str,
    pid: int,
    unrenewed: float,
) -> Run:
    state, error = state_of(state, error, host=host, pid=pid, unrenewed=unrenewed)
    return Run(str(run_id), state, since, is_ready, error, unrenewed)
