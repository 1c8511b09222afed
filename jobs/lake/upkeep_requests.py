"""Upkeep that is asked for through the ledger: a table has one writing driver, and that one has to do it."""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple


class Request(NamedTuple):
    """What is asked for. `begun_by` is the run of a driver that has begun it and never ended it."""

    request_id: str
    table: str
    action: str
    begun_by: str | None


class Answer(NamedTuple):
    """What a driver has said: numbers by name, or a problem."""

    result: Mapping[str, int]
    problem: str | None


class UpkeepRequests:
    """`do` runs a statement of the ledger."""

    def __init__(self, do: Callable[..., list[tuple[Any, ...]]]) -> None:
        self._do = do

    def ask(self, table: str, action: str) -> str:
        """Ask the table's driver; the request's id."""
        request_id = str(uuid.uuid4())
        self._do(
            "INSERT INTO upkeep_requests (request_id, table_name, action) VALUES (%s, %s, %s)",
            (request_id, table, action),
        )
        return request_id

    def begin_oldest(self, tables: Iterable[str], *, run_id: str) -> Request | None:
        """The oldest open request for one of the tables, which from now on is this run's."""
        rows = self._do(
            """UPDATE upkeep_requests AS asked SET run_id = %s FROM (
                SELECT request_id, run_id FROM upkeep_requests
                WHERE done_at IS NULL AND table_name = ANY (%s) ORDER BY asked_at LIMIT 1) AS oldest
            WHERE asked.request_id = oldest.request_id
            RETURNING asked.request_id::text, table_name, action, oldest.run_id::text""",
            (run_id, list(tables)),
        )
        return Request(*rows[0]) if rows else None

    def answer(
        self, request_id: str, *, result: Mapping[str, int] | None = None, problem: str | None = None
    ) -> None:
        self._do(
            "UPDATE upkeep_requests SET done_at = now(), result = %s, problem = %s WHERE request_id = %s",
            (json.dumps(dict(result or {})), problem, request_id),
        )

    def answer_of(self, request_id: str) -> Answer | None:
        """None while it is not done."""
        rows = self._do(
            "SELECT result, problem FROM upkeep_requests WHERE request_id = %s AND done_at IS NOT NULL",
            (request_id,),
        )
        return Answer(*rows[0]) if rows else None

    def withdraw(self, request_id: str) -> None:
        """Take back what nobody has done."""
        self._do(
            "DELETE FROM upkeep_requests WHERE request_id = %s AND done_at IS NULL",
            (request_id,),
        )
