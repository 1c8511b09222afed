"""The session that daily_close should have brought: by the calendar, what is followed, and the runs of the DAG."""

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tapehouse.judgement import OF_DAGS
from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.settings import Settings


class DuePart:
    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def look(self, *, now: datetime | None = None) -> list[Sample]:
        from jobs.lake.instruments import read_instruments
        from tapehouse.expectations import expectations_of
        from tapehouse.ledger import LedgerReader

        now = now or datetime.now(UTC)
        with closing(LedgerReader(self._settings)) as ledger:
            closed = ledger.closed_sessions()
        due = expectations_of(read_instruments(self._settings.instruments), now.date()).due(closed, now)
        if due is None:
            return []
        midnight = datetime(due.year, due.month, due.day, tzinfo=UTC).timestamp()
        return [Sample("tapehouse_session_due_timestamp_seconds", midnight, (OF_DAGS,))]
