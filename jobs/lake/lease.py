"""The right to write a group of tables: an advisory lock, and a row that says who holds it.

The lock lives on a connection of its own and ends with it. A stopped process keeps its connection, so the holder renews
its row as long as it is well: a challenger ends the connection of one that no longer does.
"""

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import structlog

from jobs.lake.errors import LeaseError
from jobs.lake.patience import attempts
from jobs.lake.postgres import Connection, NoAnswerError, until_answered
from jobs.lake.settings import Settings

LOCK = 7_083_002
RENEW_EVERY = 5.0  # seconds
HOLDER_IS_LOST_AFTER = 60.0  # seconds without a renewal
# a holder that has just come has its lock an instant before its row
LOOK_AGAIN_AFTER = 2.0
BACKEND_OF = """SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND classid = %s::oid AND objid = (hashtext(%s)::bigint & 4294967295)::oid"""
log = structlog.get_logger()


class Holder(NamedTuple):
    """Who stands in the row, and how many seconds ago it was renewed."""

    run_id: str
    host: str
    pid: int
    since: datetime
    age: Decimal

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host} since {self.since:%Y-%m-%d %H:%M:%S%z}, renewed {self.age:.0f} s ago"


class Lease:
    """Held from `acquire` to `close`; `ask` before every commit says that it still is.

    While PostgreSQL does not answer, `ask` tries again, for 15 minutes by default: nothing is committed meanwhile.
    """

    def __init__(
        self,
        settings: Settings,
        group: str,
        *,
        run_id: str,
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings, self._group, self._run_id = settings, group, run_id
        self._give_up = give_up
        self._connection: Connection | None = None
        # of every connection that may have got the lock
        self._backends: list[int] = []
        self._lost: LeaseError | None = None
        self._one_at_a_time = threading.Lock()
        self._closed = threading.Event()
        self.epoch = 0

    def acquire(self, *, wait: float = 0) -> None:
        """Take the lease; one that another driver holds, and is well, is waited for so many seconds, then refused."""
        for attempt in attempts(on=LeaseError, seconds=wait, first=0.5, most=2.0):
            with attempt:
                self._acquire()

    def is_held(self) -> bool:
        """Whether a driver holds it."""
        with closing(Connection(self._settings)) as connection:
            return bool(connection.execute(BACKEND_OF, (LOCK, self._group)))

    def _acquire(self) -> None:
        connection = Connection(self._settings)
        if not self._lock(connection):
            self._challenge(connection)
        rows = connection.execute(
            """INSERT INTO leases (table_group, holder, host, pid, epoch) VALUES (%s, %s, %s, %s, 1)
            ON CONFLICT (table_group) DO UPDATE SET holder = EXCLUDED.holder, host = EXCLUDED.host, pid = EXCLUDED.pid,
            since = now(), renewed_at = now(), epoch = leases.epoch + 1 RETURNING epoch""",
            (self._group, self._run_id, socket.gethostname(), os.getpid()),
        )
        self.epoch = int(rows[0][0])
        self._connection, self._backends = connection, [connection.backend]
        threading.Thread(target=self._renew_until_closed, name="lease", daemon=True).start()

    def raise_above(self, epoch: int) -> None:
        """Make the lease's epoch larger than one that the tables have seen, for instance under another ledger."""
        if self.epoch > epoch:
            return
        with self._one_at_a_time:
            connection = self._connected()
            connection.execute(
                "UPDATE leases SET epoch = %s WHERE table_group = %s AND holder = %s",
                (epoch + 1, self._group, self._run_id),
            )
            self.epoch = epoch + 1

    def ask(self) -> None:
        """Return while the lease is held; else say who holds it, or that PostgreSQL did not answer in time."""
        until_answered(self._renew, patience=self._settings.lease_patience, give_up=self._give_up)

    def raise_if_lost(self) -> None:
        """Raise what the renewal found: another holder."""
        if self._lost:
            raise self._lost

    def close(self) -> None:
        """Let go of the lock."""
        self._closed.set()
        with self._one_at_a_time:
            if self._connection:
                # before the connection: its end may take the server a moment, in which the next driver would be refused
                with suppress(NoAnswerError):
                    self._connection.execute("SELECT pg_advisory_unlock_all()")
                self._connection.close()

    def _renew_until_closed(self) -> None:
        while not self._closed.wait(RENEW_EVERY):
            try:
                self._renew()
            except NoAnswerError:
                continue  # whoever asks next waits for it, and says so
            except LeaseError as error:
                self._lost = error
                return

    def _renew(self) -> None:
        """Renew the row, on a new connection if the old one was lost; raise if the lease is another's."""
        with self._one_at_a_time:
            if not self._closed.is_set():
                self._renew_on(self._connected())

    def _renew_on(self, connection: Connection) -> None:
        renewed = connection.execute(
            "UPDATE leases SET renewed_at = now() WHERE table_group = %s AND holder = %s AND epoch = %s RETURNING 1",
            (self._group, self._run_id, self.epoch),
        )
        if not renewed:
            raise self._held_by_another(connection)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed:
            connection = Connection(self._settings)
            # before it asks: that it has got the lock may be an answer that is lost
            self._backends.append(connection.backend)
            self._take_again(connection)
            self._connection = connection
        return self._connection

    def _take_again(self, connection: Connection) -> None:
        """The lock on a new connection; one of the old ones may still hold it on the server, and is ended there."""
        if self._lock(connection):
            return
        holder = self._find_holder(connection)
        if holder and holder.run_id == self._run_id:
            connection.execute(
                f"SELECT pg_terminate_backend(pid) FROM ({BACKEND_OF}) AS ours WHERE pid = ANY(%s)",
                (LOCK, self._group, self._backends),
            )
            if self._lock_within(connection, RENEW_EVERY):
                return
        raise self._held_by_another(connection)

    def _challenge(self, connection: Connection) -> None:
        """End the connection of a holder that has not renewed its row; one that has is not disturbed."""
        for pause in (LOOK_AGAIN_AFTER, 0):
            holder = self._find_holder(connection)
            if holder is None or holder.age <= HOLDER_IS_LOST_AFTER:
                raise self._held_by_another(connection)
            time.sleep(pause)
        log.warning("lease_taken", group=self._group, found=str(holder))
        connection.execute(
            f"SELECT pg_terminate_backend(pid) FROM ({BACKEND_OF}) AS lost", (LOCK, self._group)
        )
        if not self._lock_within(connection, 2 * RENEW_EVERY):
            raise self._held_by_another(connection)

    def _lock_within(self, connection: Connection, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not (locked := self._lock(connection)) and time.monotonic() < deadline:
            time.sleep(0.1)
        return locked

    def _lock(self, connection: Connection) -> bool:
        ((locked,),) = connection.execute(
            "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (LOCK, self._group)
        )
        return bool(locked)

    def _find_holder(self, connection: Connection) -> Holder | None:
        rows = connection.execute(
            """SELECT holder::text, host, pid, since, extract(epoch FROM now() - renewed_at)
            FROM leases WHERE table_group = %s""",
            (self._group,),
        )
        return Holder(*rows[0]) if rows else None

    def _held_by_another(self, connection: Connection) -> LeaseError:
        holder = self._find_holder(connection)
        connection.close()
        return LeaseError(
            f"the tables of {self._group} are written by another driver",
            found=str(holder or "a driver that has just come"),
            remedy="stop that driver, or let it work",
        )
