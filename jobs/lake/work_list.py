"""Open work in the ledger: sessions to fetch, and values to look at.

A job that looks at a range of sessions keeps what it finds there: what is new is added, and what it does not find any
more is done. Only what is fetched is tried, and not for ever.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from jobs.lake.ledger_schema import bring_up_to_date
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings

FETCH, LOOK = "fetch", "look"
MOST_TRIES = 3
AT_ONCE = 5_000  # rows in one statement
LIMIT = 60.0  # seconds for a statement over a long range


class Work(NamedTuple):
    """A thing to do: to fetch a `dataset` (1d or 1m) of a session, or to look at a field of it, which `dataset` names.

    `subject` tells it from all others of its kind.
    """

    subject: str
    source: str
    instrument_id: str
    session: date
    dataset: str
    reason: str


class OpenWork(NamedTuple):
    """Work that is not done: `state` is open or given_up."""

    work: Work
    state: str
    tries: int
    last_tried: datetime | None


class WorkList:
    """The work of all jobs."""

    def __init__(self, settings: Settings) -> None:
        self._connection = Connection(settings)
        bring_up_to_date(self._connection.execute)

    def keep(self, kind: str, found: Iterable[Work], *, first: date, last: date) -> None:
        """Make what is `found` in the sessions of [first, last) all that is not done there.

        What was given up stays so as long as it is found; what was done and comes back begins anew.
        """
        rows = list({work.subject: work for work in found}.values())
        with self._connection.transaction():
            self._connection.execute("LOCK TABLE work IN SHARE ROW EXCLUSIVE MODE", limit=LIMIT)
            ((now,),) = self._connection.execute("SELECT now()")
            for begin in range(0, len(rows), AT_ONCE):
                columns = [list(column) for column in zip(*rows[begin : begin + AT_ONCE], strict=True)]
                self._connection.execute(
                    """INSERT INTO work (kind, subject, source, instrument_id, session, dataset, reason)
                    SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::date[], %s::text[], %s::text[])
                    ON CONFLICT (kind, subject) DO UPDATE SET last_seen = now(),
                    reason = CASE work.state WHEN 'given_up' THEN work.reason ELSE EXCLUDED.reason END,
                    state = CASE work.state WHEN 'done' THEN 'open' ELSE work.state END,
                    tries = CASE work.state WHEN 'done' THEN 0 ELSE work.tries END,
                    first_seen = CASE work.state WHEN 'done' THEN now() ELSE work.first_seen END""",
                    (kind, *columns),
                    limit=LIMIT,
                )
            self._connection.execute(
                """UPDATE work SET state = 'done' WHERE kind = %s AND state <> 'done' AND last_seen < %s
                AND session >= %s AND session < %s""",
                (kind, now, first, last),
                limit=LIMIT,
            )

    def not_done(self, kind: str) -> list[OpenWork]:
        """What is open or given up: what was tried least, and longest ago, first, of those the newest session."""
        rows = self._connection.execute(
            """SELECT subject, source, instrument_id, session, dataset, reason, state, tries, last_tried FROM work
            WHERE kind = %s AND state <> 'done'
            ORDER BY tries, last_tried NULLS FIRST, session DESC, subject""",
            (kind,),
            limit=LIMIT,
        )
        return [OpenWork(Work(*row[:6]), *row[6:]) for row in rows]

    def tried(self, kind: str, subjects: Sequence[str]) -> None:
        """Count a try of each; what was tried as often as it may be is given up."""
        self._connection.execute(
            """UPDATE work SET tries = tries + 1, last_tried = now(),
            state = CASE WHEN state = 'open' AND tries + 1 >= %s THEN 'given_up' ELSE state END
            WHERE kind = %s AND subject = ANY (%s)""",
            (MOST_TRIES, kind, list(subjects)),
        )

    def give_up(self, kind: str, subjects: Sequence[str], *, reason: str) -> None:
        """No try can do it."""
        self._connection.execute(
            "UPDATE work SET state = 'given_up', reason = %s WHERE kind = %s AND subject = ANY (%s)",
            (reason, kind, list(subjects)),
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """How much is not done, by kind and state."""
        rows = self._connection.execute(
            "SELECT kind, state, count(*) FROM work WHERE state <> 'done' GROUP BY 1, 2"
        )
        found: dict[str, dict[str, int]] = {kind: {"open": 0, "given_up": 0} for kind in (FETCH, LOOK)}
        for kind, state, number in rows:
            found[kind][state] = int(number)
        return found

    def close(self) -> None:
        self._connection.close()
