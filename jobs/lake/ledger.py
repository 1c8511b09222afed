"""The ledger in PostgreSQL: runs of programs, progress of batches, and the right to write a group of tables."""

import json
import os
import socket
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from jobs.lake.errors import LeaseError, ServiceError
from jobs.lake.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK, LEASE_LOCK = 7_083_001, 7_083_002


class Ledger:
    """One connection of one program to the ledger."""

    def __init__(self, settings: Settings) -> None:
        self.run_id = str(uuid.uuid4())
        try:
            self.connection = psycopg2.connect(
                host=settings.ledger_host,
                port=settings.ledger_port,
                dbname=settings.ledger_database,
                user=settings.ledger_user,
                password=settings.ledger_password.get_secret_value(),
                connect_timeout=5,
            )
        except psycopg2.OperationalError as error:
            raise ServiceError(
                f"the ledger at {settings.ledger_host}:{settings.ledger_port} does not answer",
                found=str(error).strip(),
                remedy="start the services (`make up`), or correct PGHOST, PGPORT, PGUSER, PGPASSWORD",
            ) from error
        self.connection.autocommit = True
        self._migrate()

    @contextmanager
    def run(self, job: str, **details: Any) -> Generator[None, None, None]:
        """Keep a row of `runs` for the program: running, then done or failed with its error."""
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
            except psycopg2.Error as lost:
                error.add_note(f"the ledger could not be told: {lost}")
            raise
        self._end_run("done", 0, None)

    def mark_ready(self) -> None:
        """Say in the run's details that its query has started."""
        self._do("UPDATE runs SET details = details || '{\"ready\": true}' WHERE run_id = %s", (self.run_id,))

    def _end_run(self, state: str, exit_code: int, error: str | None) -> None:
        self._do(
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

    def acquire(self, group: str, *, at_least: int) -> int:
        """Take the right to write `group` until this connection ends; the epoch, larger than any before.

        `at_least` is the largest epoch that the tables themselves have seen.
        """
        if not self._do("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (LEASE_LOCK % 2**31, group))[0][0]:
            holder = self._do("SELECT host, pid, since FROM leases WHERE table_group = %s", (group,))
            host, pid, since = holder[0] if holder else ("unknown host", "unknown", "unknown")
            raise LeaseError(
                f"the tables of {group} are written by another driver",
                found=f"pid {pid} on {host} since {since}",
                remedy="stop that driver, or let it work",
            )
        rows = self._do(
            """INSERT INTO leases (table_group, holder, host, pid, epoch) VALUES (%s, %s, %s, %s, %s + 1)
            ON CONFLICT (table_group) DO UPDATE SET holder = EXCLUDED.holder, host = EXCLUDED.host, pid = EXCLUDED.pid,
            since = now(), epoch = greatest(leases.epoch + 1, EXCLUDED.epoch) RETURNING epoch""",
            (group, self.run_id, socket.gethostname(), os.getpid(), at_least),
        )
        return int(rows[0][0])

    def close(self) -> None:
        self.connection.close()

    def _migrate(self) -> None:
        """Apply the numbered files that are new here, each in its own transaction, one program at a time."""
        self._do("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            self._do(
                "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
            )
            applied = {name for (name,) in self._do("SELECT name FROM migrations")}
            for file in sorted(MIGRATIONS.glob("*.sql")):
                if file.name not in applied:
                    self._do(
                        f"BEGIN; {file.read_text()}; INSERT INTO migrations VALUES ('{file.name}'); COMMIT"
                    )
        finally:
            self._do("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))

    def _do(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []
