"""The ledger in PostgreSQL: runs of programs and progress of batches."""

import json
import os
import socket
import uuid
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import date
from typing import Any

from jobs.lake.dag_runs import DagRuns, find_caller
from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import LIMIT, Connection, NoAnswerError, until_answered
from jobs.lake.settings import Settings
from jobs.lake.upkeep_requests import UpkeepRequests


class Ledger:
    """What one program tells the ledger; a statement waits as long as a lease does while PostgreSQL is away."""

    def __init__(self, settings: Settings, *, give_up: Callable[[], bool] = lambda: False) -> None:
        self.run_id = str(uuid.uuid4())
        self._settings, self._give_up = settings, give_up
        self._connection = Connection(settings)
        bring_up_to_date(self._do)
        self.upkeep_requests = UpkeepRequests(self._do)
        self.dag_runs = DagRuns(self._do)

    @contextmanager
    def run(self, job: str, **details: Any) -> Generator[None, None, None]:
        """Keep a row of `runs` for the program: running, then done or failed with its error.

        A step of a DAG says so in its details, and the DAG's run is a row too.
        """
        caller = find_caller(os.environ)
        if caller:
            details["airflow"] = caller.as_json()
            self.dag_runs.run(caller)
        self._do(
            "INSERT INTO runs (run_id, job, host, pid, state, details) VALUES (%s, %s, %s, %s, 'running', %s)",
            (self.run_id, job, socket.gethostname(), os.getpid(), json.dumps(details)),
        )
        try:
            yield
        except BaseException as error:
            try:
                self._end_run(
                    "failed", getattr(error, "exit_code", 1), f"{type(error).__name__}: {error}"[:2000]
                )
            except NoAnswerError as lost:
                error.add_note(f"the ledger could not be told: {lost}")
            raise
        self._end_run("done", 0, None)

    def mark_ready(self) -> None:
        """Say in the run's details that its query has started."""
        self.add_details(ready=True)

    def add_details(self, **details: Any) -> None:
        """Say more in the run's details."""
        self._do(
            "UPDATE runs SET details = details || %s WHERE run_id = %s", (json.dumps(details), self.run_id)
        )

    def _end_run(self, state: str, exit_code: int, error: str | None) -> None:
        self._connected().execute(
            "UPDATE runs SET state = %s, exit_code = %s, error = %s, ended_at = now() WHERE run_id = %s",
            (state, exit_code, error, self.run_id),
        )

    def record_batch(self, **batch: Any) -> None:
        """Add a row of `batches`; a replayed batch replaces what its first try said."""
        values = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in batch.items()} | {
            "run_id": self.run_id
        }
        columns = ", ".join(f'"{name}"' for name in values)
        places = ", ".join(["%s"] * len(values))
        changes = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in values)
        self._do(
            f"INSERT INTO batches ({columns}) VALUES ({places}) ON CONFLICT (run_id, batch_id) DO UPDATE SET {changes}",
            tuple(values.values()),
        )

    def close_lost_runs(self, job: str, **details: Any) -> None:
        """Say of earlier runs that never ended that they failed: the caller holds the lease, none of them goes on.

        With `details` only of those that say the same of themselves.
        """
        self._do(
            """UPDATE runs SET state = 'failed', error = 'its process is gone', ended_at = now()
            WHERE job = %s AND state = 'running' AND run_id <> %s AND details @> %s""",
            (job, self.run_id, json.dumps(details)),
        )

    def most_neglected(self, tables: list[str], *, action: str, hours: int) -> str | None:
        """The table whose `action` is longest ago, if that is `hours` or more; a table counts from its first sight."""
        self._do(
            """INSERT INTO upkeep (table_name, action) SELECT name, %s FROM unnest(%s) AS name
            ON CONFLICT DO NOTHING""",
            (action, tables),
        )
        rows = self._do(
            """SELECT table_name FROM upkeep WHERE action = %s AND table_name = ANY (%s)
            AND done_at <= now() - make_interval(hours => %s) ORDER BY done_at LIMIT 1""",
            (action, tables, hours),
        )
        return str(rows[0][0]) if rows else None

    def record_upkeep(self, table: str, action: str) -> None:
        self._do(
            """INSERT INTO upkeep (table_name, action, run_id) VALUES (%s, %s, %s) ON CONFLICT (table_name, action)
            DO UPDATE SET done_at = now(), run_id = EXCLUDED.run_id""",
            (table, action, self.run_id),
        )

    def record_parity(
        self, kind: str, session: date, counts: Iterable[tuple[str, int, int, float | None]]
    ) -> None:
        """Add what was compared of a session: column, how many, how many differ, the largest difference."""
        rows = [(self.run_id, kind, session, *count) for count in counts]
        places = ", ".join(["(%s, %s, %s, %s, %s, %s, %s)"] * len(rows))
        self._do(
            f"INSERT INTO parity (run_id, kind, session, column_name, compared, mismatched, worst) VALUES {places}",
            tuple(value for row in rows for value in row),
        )

    def record_loads(self, warehouse: str, receipts: Iterable[dict[str, Any]]) -> None:
        """Add what a warehouse says of its loads; what is there already stays."""
        for receipt in receipts:
            row = {"warehouse": warehouse, **receipt}
            values = tuple(json.dumps(v) if isinstance(v, dict | list) else v for v in row.values())
            places = ", ".join(["%s"] * len(row))
            self._do(
                f"INSERT INTO loads ({', '.join(row)}) VALUES ({places}) ON CONFLICT DO NOTHING",
                values,
            )

    def loads(self, warehouse: str, table: str) -> set[str]:
        """The ids of a table's loads that the ledger holds."""
        rows = self._do(
            "SELECT load_id FROM loads WHERE warehouse = %s AND table_name = %s", (warehouse, table)
        )
        return {str(load_id) for (load_id,) in rows}

    def close(self) -> None:
        self._connection.close()

    def _do(
        self, sql: str, parameters: tuple[Any, ...] = (), *, limit: float = LIMIT
    ) -> list[tuple[Any, ...]]:
        return until_answered(
            lambda: self._connected().execute(sql, parameters, limit=limit),
            patience=self._settings.lease_patience,
            give_up=self._give_up,
        )

    def _connected(self) -> Connection:
        if self._connection.is_closed:
            self._connection = Connection(self._settings)
        return self._connection
