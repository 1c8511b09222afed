"""The streaming job, as the ledger knows it: whether it runs, its newest batch, and what all batches were."""

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.postgres import Connection
    from jobs.lake.settings import Settings

JOB = "stream_quotes"
# a batch may become visible a little after its own time: the newest are summed anew at each look
SETTLED_AFTER = "1 minute"
ALL_BATCHES = 120.0  # seconds for the sum over all batches, at the first look
TOTALS = (
    "tapehouse_batches_total",
    "tapehouse_batch_seconds_total",
    "tapehouse_messages_total",
    "tapehouse_messages_accepted_total",
    "tapehouse_messages_rejected_total",
    "tapehouse_messages_duplicate_total",
    "tapehouse_bars_changed_total",
)


class StreamPart:
    """Keeps the sums of the batches that no later look changes."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._settled: list[float] = [0.0] * len(TOTALS)
        self._until: datetime | None = None

    def look(self) -> list[Sample]:
        from jobs.lake.postgres import Connection

        with closing(Connection(self._settings, read_only=True)) as connection:
            if connection.execute("SELECT to_regclass('leases')") == [(None,)]:
                return [Sample("tapehouse_stream_up", 0.0)]
            return [*self._run(connection), *self._newest_batch(connection), *self._totals(connection)]

    def _run(self, connection: "Connection") -> list[Sample]:
        from tapehouse.ledger import LedgerReader

        topic = self._settings.topic
        with closing(LedgerReader(self._settings)) as ledger:
            run = ledger.newest_run(JOB, topic=topic)
            failed = len(ledger.failures(JOB, topic=topic, hours=1))
        found = [
            Sample("tapehouse_stream_up", float(run is not None and run.state == "running")),
            Sample("tapehouse_stream_failed_runs", failed),
        ]
        if run is not None:
            found.append(Sample("tapehouse_stream_started_timestamp_seconds", run.since.timestamp()))
            renewed = connection.execute("SELECT renewed_at FROM leases WHERE holder = %s", (run.run_id,))
            name = "tapehouse_stream_lease_renewed_timestamp_seconds"
            found += [Sample(name, moment.timestamp()) for (moment,) in renewed]
        return found

    def _newest_batch(self, connection: "Connection") -> list[Sample]:
        rows = connection.execute(
            """SELECT committed_at, seconds, messages, max(newest_event) OVER () FROM (
                SELECT * FROM batches WHERE topic = %s ORDER BY committed_at DESC LIMIT 100) AS newest
            ORDER BY committed_at DESC LIMIT 1""",
            (self._settings.topic,),
        )
        if not rows:
            return []
        committed, seconds, messages, newest = rows[0]
        found = [
            Sample("tapehouse_batch_committed_timestamp_seconds", committed.timestamp()),
            Sample("tapehouse_batch_duration_seconds", seconds),
            Sample("tapehouse_batch_messages", messages),
        ]
        if newest:
            found.append(Sample("tapehouse_batch_newest_event_timestamp_seconds", newest.timestamp()))
        return found

    def _totals(self, connection: "Connection") -> list[Sample]:
        ((until,),) = connection.execute(f"SELECT now() - interval '{SETTLED_AFTER}'")
        settled = self._sums(connection, after=self._until, until=until)
        self._settled = [old + new for old, new in zip(self._settled, settled, strict=True)]
        self._until = until
        newest = self._sums(connection, after=until, until=None)
        return [Sample(name, old + new) for name, old, new in zip(TOTALS, self._settled, newest, strict=True)]

    def _sums(
        self, connection: "Connection", *, after: datetime | None, until: datetime | None
    ) -> list[float]:
        """Of the batches that were committed in (after, until]."""
        rows: list[tuple[Any, ...]] = connection.execute(
            """SELECT count(*), coalesce(sum(seconds), 0), coalesce(sum(messages), 0), coalesce(sum(accepted), 0),
            coalesce(sum(rejected), 0), coalesce(sum(duplicates), 0), coalesce(sum(bars), 0)
            FROM batches WHERE topic = %s AND committed_at > coalesce(%s, '-infinity'::timestamptz)
            AND committed_at <= coalesce(%s, 'infinity'::timestamptz)""",
            (self._settings.topic, after, until),
            limit=ALL_BATCHES,
        )
        return [float(value) for value in rows[0]]
