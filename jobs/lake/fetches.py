"""What the ledger knows of requests for history: each fetch waits, is done, or failed."""

import json
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from jobs.lake.errors import UsageError
from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings

LOCK = 7_083_003


class Task(NamedTuple):
    """One fetch of a request."""

    dataset: str
    vendor_symbol: str
    begins: date
    ends: date


class Request(NamedTuple):
    """A request, and the options that it was made with."""

    request_id: str
    source: str
    options: dict[str, Any]


class Fetches:
    """The requests and their fetches."""

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection(settings)
        bring_up_to_date(self._connection.execute)

    def hold(self, request_id: str) -> None:
        """Keep other processes from the request for as long as this connection lives."""
        ((held,),) = self._connection.execute(
            "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (LOCK, request_id)
        )
        if not held:
            raise UsageError(
                f"the request {request_id} is being worked on",
                found="another process that holds it",
                remedy="wait for it, or stop it",
            )

    def begin(self, request: Request, tasks: Iterable[Task]) -> None:
        """Note a request and what it will fetch, all at once."""
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO history_requests (request_id, source, options) VALUES (%s, %s, %s)",
                (request.request_id, request.source, json.dumps(request.options)),
            )
            for place, task in enumerate(tasks):
                self._connection.execute(
                    "INSERT INTO fetches VALUES (%s, %s, %s, %s, %s, %s, 'waiting')",
                    (request.request_id, *task, place),
                )

    def request(self, request_id: str) -> Request | None:
        rows = self._connection.execute(
            "SELECT request_id, source, options FROM history_requests WHERE request_id = %s", (request_id,)
        )
        return Request(*rows[0]) if rows else None

    def newest_unfinished(self) -> Request | None:
        rows = self._connection.execute(
            """SELECT request_id, source, options FROM history_requests WHERE finished_at IS NULL
            ORDER BY started_at DESC LIMIT 1"""
        )
        return Request(*rows[0]) if rows else None

    def missing(self, request_id: str) -> list[Task]:
        """The fetches of a request that are not done, in the order in which they were planned."""
        rows = self._connection.execute(
            """SELECT dataset, vendor_symbol, begins, ends FROM fetches
            WHERE request_id = %s AND state IN ('waiting', 'failed') ORDER BY place""",
            (request_id,),
        )
        return [Task(*row) for row in rows]

    def waiting(self) -> dict[str, int]:
        """How many fetches each source has before it, of requests that are not finished."""
        rows = self._connection.execute(
            """SELECT source, count(*) FROM fetches JOIN history_requests USING (request_id)
            WHERE state IN ('waiting', 'failed') AND finished_at IS NULL GROUP BY 1"""
        )
        return {str(source): int(number) for source, number in rows}

    def done(self, request_id: str, task: Task, *, sidecar: str, rows: int) -> None:
        self._end(request_id, task, "done", sidecar, rows, None)

    def failed(self, request_id: str, task: Task, *, problem: str, for_good: bool = False) -> None:
        self._end(request_id, task, "refused" if for_good else "failed", None, None, problem)

    def finish(self, request_id: str) -> None:
        """Note that nothing of the request is missing."""
        self._connection.execute(
            "UPDATE history_requests SET finished_at = now() WHERE request_id = %s", (request_id,)
        )

    def finish_lost(self, source: str, **options: Any) -> None:
        """Finish the requests that were made with these options and whose process is gone: nobody resumes them."""
        self._connection.execute(
            """UPDATE history_requests SET finished_at = now()
            WHERE finished_at IS NULL AND source = %s AND options @> %s""",
            (source, json.dumps(options)),
        )

    def close(self) -> None:
        self._connection.close()

    def _end(
        self,
        request_id: str,
        task: Task,
        state: str,
        sidecar: str | None,
        rows: int | None,
        problem: str | None,
    ) -> None:
        self._connection.execute(
            """UPDATE fetches SET state = %s, object = %s, rows = %s, problem = %s
            WHERE request_id = %s AND dataset = %s AND vendor_symbol = %s AND begins = %s AND ends = %s""",
            (state, sidecar, rows, problem, request_id, *task),
        )
