"""A connection to the ledger's database on which no statement waits without a limit.

A server that was stopped, or a network that was cut, answers nothing and closes nothing: psycopg2's own calls would
wait for ever. So the connection is asynchronous, and each wait has an end.
"""

import select
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg2
import structlog
from psycopg2 import extensions

from jobs.lake.errors import ServiceError
from jobs.lake.settings import Settings

LIMIT = 5.0  # seconds for one statement
Result = TypeVar("Result")
log = structlog.get_logger()


class NoAnswerError(ServiceError):
    """PostgreSQL does not answer, or the connection to it was lost."""


class Connection:
    """One connection in autocommit. Once it has failed it stays closed: whoever needs it opens another."""

    def __init__(self, settings: Settings, *, read_only: bool = False) -> None:
        self._address = f"{settings.ledger_host}:{settings.ledger_port}"
        try:
            self._connection = psycopg2.connect(
                host=settings.ledger_host,
                port=settings.ledger_port,
                dbname=settings.ledger_database,
                user=settings.ledger_user,
                password=settings.ledger_password.get_secret_value(),
                application_name="tapehouse",
                options="-c TimeZone=UTC" + (" -c default_transaction_read_only=on" if read_only else ""),
                async_=True,
            )
            self._wait(LIMIT)
        except psycopg2.OperationalError as error:
            raise self._no_answer(error) from error
        self.backend = self._connection.info.backend_pid

    def execute(
        self, sql: str, parameters: tuple[Any, ...] = (), *, limit: float = LIMIT
    ) -> list[tuple[Any, ...]]:
        """The rows of one statement, which has `limit` seconds."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                self._wait(limit)
                return cursor.fetchall() if cursor.description else []
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            self.close()
            raise self._no_answer(error) from error
        except KeyboardInterrupt:
            self.close()  # the statement is still under way, and another one cannot follow
            raise

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """What is done within a block is done as one, or not at all."""
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            if not self.is_closed:
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @property
    def is_closed(self) -> bool:
        return bool(self._connection.closed)

    def close(self) -> None:
        self._connection.close()

    def _wait(self, limit: float) -> None:
        deadline = time.monotonic() + limit
        while (state := self._connection.poll()) != extensions.POLL_OK:
            reading, writing = state == extensions.POLL_READ, state == extensions.POLL_WRITE
            ready = select.select(
                [self._connection] if reading else [],
                [self._connection] if writing else [],
                [],
                max(0.0, deadline - time.monotonic()),
            )
            if not any(ready):
                raise psycopg2.OperationalError(f"no answer within {limit:g} seconds")

    def _no_answer(self, error: Exception) -> NoAnswerError:
        return NoAnswerError(
            f"the ledger at {self._address} does not answer",
            found=" ".join(str(error).split()),
            remedy="start the services (`make up`), or correct PGHOST, PGPORT, PGUSER, PGPASSWORD",
        )


class PatienceError(NoAnswerError):
    """PostgreSQL has not answered for as long as it is waited for."""


def until_answered(
    action: Callable[[], Result], *, patience: float, give_up: Callable[[], bool] = lambda: False
) -> Result:
    """What `action` gives, tried again for `patience` seconds while PostgreSQL does not answer."""
    deadline = time.monotonic() + patience
    waiting = False
    while True:
        try:
            result = action()
        except NoAnswerError as error:
            if time.monotonic() > deadline or give_up():
                raise PatienceError(error.what, found=error.found, remedy=error.remedy) from error
            if not waiting:
                log.warning("ledger_away", what=error.what, found=error.found)
            waiting = True
            time.sleep(1)
        else:
            if waiting:
                log.info("ledger_back")
            return result
