"""Who sends quotes to a topic just now: a producer renews its rows in the ledger as long as it is well."""

import os
import socket
from collections.abc import Iterable
from typing import Any

from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings

KEPT_DAYS = 7  # of a producer that died


class Heartbeats:
    """A row for each source that this process sends."""

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection(settings)
        bring_up_to_date(self._connection.execute)
        self._topic = settings.topic
        self._me: tuple[Any, ...] = (socket.gethostname(), os.getpid())

    def beat(self, producers: Iterable[str]) -> None:
        """Say that these are sent by a process that is well."""
        for producer in producers:
            self._connection.execute(
                """INSERT INTO heartbeats (topic, producer, host, pid) VALUES (%s, %s, %s, %s)
                ON CONFLICT (topic, producer, host, pid) DO UPDATE SET beat_at = now()""",
                (self._topic, producer, *self._me),
            )

    def end(self) -> None:
        """Say that this process sends no more, as it was asked to; forget those that died long ago."""
        self._connection.execute(
            """DELETE FROM heartbeats WHERE topic = %s AND host = %s AND pid = %s
            OR beat_at < now() - make_interval(days => %s)""",
            (self._topic, *self._me, KEPT_DAYS),
        )

    def ages(self) -> dict[str, float]:
        """Seconds since the newest beat of each producer, by the clock of PostgreSQL."""
        rows = self._connection.execute(
            """SELECT producer, extract(epoch FROM now() - max(beat_at))::double precision FROM heartbeats
            WHERE topic = %s GROUP BY 1""",
            (self._topic,),
        )
        return {str(producer): float(age) for producer, age in rows}

    def close(self) -> None:
        self._connection.close()
