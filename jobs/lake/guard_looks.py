"""What was seen of the stream, look by look: what is wrong for a while is known only from the looks before."""

from datetime import datetime
from typing import NamedTuple

from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings

KEPT = 100


class Look(NamedTuple):
    """Whether the stream ran, and how many messages no batch had read."""

    at: datetime
    runs: bool
    lag: int


class GuardLooks:
    """The newest looks at the stream of a topic."""

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection(settings)
        bring_up_to_date(self._connection.execute)
        self._topic = settings.topic

    def newest(self, number: int) -> list[Look]:
        """The looks of the last hour, the newest first."""
        rows = self._connection.execute(
            """SELECT at, runs, lag FROM guard_looks WHERE topic = %s AND at > now() - interval '1 hour'
            ORDER BY at DESC LIMIT %s""",
            (self._topic, number),
        )
        return [Look(*row) for row in rows]

    def add(self, *, runs: bool, lag: int) -> None:
        """Keep a look that was made now, and the newest of those before."""
        self._connection.execute(
            "INSERT INTO guard_looks (topic, runs, lag) VALUES (%s, %s, %s)", (self._topic, runs, lag)
        )
        self._connection.execute(
            """DELETE FROM guard_looks WHERE topic = %s AND at <= (
            SELECT at FROM guard_looks WHERE topic = %s ORDER BY at DESC OFFSET %s LIMIT 1)""",
            (self._topic, self._topic, KEPT),
        )

    def close(self) -> None:
        self._connection.close()
