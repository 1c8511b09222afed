"""What the command line asks of the ledger: the stream's newest run, and its batches."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.lake.settings import Settings


@dataclass(frozen=True)
class Run:
    """The newest run of a job; `state` is running, done or failed, the last also where the process is gone."""

    run_id: str
    state: str
    since: datetime
    is_ready: bool
    error: str | None


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
            """SELECT run_id, state, started_at, coalesce((details ->> 'ready')::boolean, false), error, host, pid
            FROM runs WHERE job = %s AND details ->> 'topic' = %s ORDER BY started_at DESC LIMIT 20""",
            (job, topic),
        )
        runs = [_run(*row) for row in rows]
        return next((run for run in runs if run.state == "running"), runs[0] if runs else None)

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

    def close(self) -> None:
        self._connection.close()

    def _ask(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection.execute("SELECT to_regclass('runs')") == [(None,)]:
            return []  # no program has come to the ledger yet
        return self._connection.execute(query, parameters)


def _run(
    run_id: str, state: str, since: datetime, is_ready: bool, error: str | None, host: str, pid: int
) -> Run:
    if state == "running" and host == socket.gethostname() and not _is_alive(pid):
        state, error = "failed", "its process is gone"
    return Run(str(run_id), state, since, is_ready, error)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
