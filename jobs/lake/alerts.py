"""The ledger's alerts: what is wrong and needs somebody. Code opens them, and code closes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings


class Alert(NamedTuple):
    """An open alert: `subject` says of what, `found` what was seen last, and `remedy` what to do."""

    name: str
    subject: str
    found: str
    remedy: str
    opened_at: datetime
    seen_at: datetime


class Alerts:
    """Opens, closes and lists alerts; of one name and subject at most one is open."""

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection(settings)
        bring_up_to_date(self._connection.execute)

    def open(self, name: str, subject: str, *, found: str, remedy: str) -> None:
        """Open it, or note that it is still so."""
        self._connection.execute(
            """INSERT INTO alerts (name, subject, found, remedy) VALUES (%s, %s, %s, %s)
            ON CONFLICT (name, subject) WHERE closed_at IS NULL
            DO UPDATE SET seen_at = now(), found = EXCLUDED.found, remedy = EXCLUDED.remedy""",
            (name, subject, found, remedy),
        )

    def close_alert(self, name: str, subject: str) -> None:
        """Close it, if it is open."""
        self._connection.execute(
            "UPDATE alerts SET closed_at = now() WHERE name = %s AND subject = %s AND closed_at IS NULL",
            (name, subject),
        )

    def close_untold(self, names: Sequence[str], before: str, *, seconds: float) -> None:
        """Close those whose subject begins with `before` and that nobody has told of for so long."""
        self._connection.execute(
            """UPDATE alerts SET closed_at = now() WHERE closed_at IS NULL AND name = ANY (%s)
            AND starts_with(subject, %s) AND seen_at <= now() - make_interval(secs => %s)""",
            (list(names), before, seconds),
        )

    def are_open(self) -> list[Alert]:
        """The open ones, the oldest first."""
        rows = self._connection.execute(
            """SELECT name, subject, found, remedy, opened_at, seen_at FROM alerts
            WHERE closed_at IS NULL ORDER BY opened_at, name, subject"""
        )
        return [Alert(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()
