"""One batch of the stream: what it holds, counted in a single pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from jobs.lake.progress import Offsets
from jobs.lake.tables import GOLD_BARS_1M_LOG, SILVER_QUOTES, SILVER_REJECTED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

MINUTE = 60_000_000


@dataclass(frozen=True)
class BatchFacts:
    """Counts, offsets (end exclusive), sessions, and per source the newest accepted event and Kafka time.

    `first_minute` is that of the oldest accepted event: no older bar can change; None where none has a time.
    `untimed_sessions` are those of accepted quotes without a time: they make no bars.
    """

    messages: int
    accepted: int
    start: Offsets
    end: Offsets
    sessions: frozenset[date]
    untimed_sessions: frozenset[date]
    first_minute: datetime | None
    newest_event: dict[str, datetime]
    newest_kafka: dict[str, datetime]

    @property
    def rejected(self) -> int:
        return self.messages - self.accepted

    @property
    def empty_tables(self) -> tuple[str, ...]:
        """The tables that get no row of this batch."""
        empty = {
            SILVER_QUOTES.name: not self.accepted,
            GOLD_BARS_1M_LOG.name: self.first_minute is None,
            SILVER_REJECTED.name: not self.rejected,
        }
        return tuple(name for name, is_empty in empty.items() if is_empty)


def count_batch(checked: "DataFrame") -> BatchFacts:
    """Count a checked batch; one job, whose result is a few rows."""
    from pyspark.sql import functions as F

    accepted = F.size("violations") == 0
    rows = (
        checked
        .groupBy("partition", "source", "session", accepted.alias("accepted"))
        .agg(
            F.count("*").alias("messages"),
            F.count("event_time").alias("timed"),
            F.min("offset").alias("first"),
            F.max("offset").alias("last"),
            # as whole microseconds, so that no time zone of this machine comes between
            F.unix_micros(F.min("event_time")).alias("oldest_event"),
            F.unix_micros(F.max("event_time")).alias("newest_event"),
            F.unix_micros(F.max("kafka_time")).alias("newest_kafka"),
        )
        .collect()
    )
    return facts_of(rows)


def facts_of(rows: "Iterable[Row]") -> BatchFacts:
    rows = list(rows)
    good = [row for row in rows if row.accepted]
    timed = [row for row in good if row.timed]
    oldest = min((row.oldest_event for row in timed), default=None)
    return BatchFacts(
        messages=sum(row.messages for row in rows),
        accepted=sum(row.messages for row in good),
        start={p: min(r["first"] for r in rows if r.partition == p) for p in {r.partition for r in rows}},
        end={p: max(r["last"] for r in rows if r.partition == p) + 1 for p in {r.partition for r in rows}},
        sessions=frozenset(row.session for row in timed),
        untimed_sessions=frozenset(row.session for row in good if row.timed < row.messages),
        first_minute=None if oldest is None else instant(oldest - oldest % MINUTE),
        newest_event=_newest(timed, "newest_event"),
        newest_kafka=_newest(timed, "newest_kafka"),
    )


def instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _newest(rows: "list[Row]", column: str) -> dict[str, datetime]:
    return {
        source: instant(max(r[column] for r in rows if r.source == source))
        for source in {r.source for r in rows}
    }
