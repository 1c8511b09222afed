"""The writer of the stream's tables: one batch of Kafka messages into bronze, silver, rejected and gold.

Every write is idempotent by itself and none depends on another's having happened, so the commits of a batch run at
once. What they record is told in jobs/lake/progress.py.
"""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from jobs.lake import read
from jobs.lake.aside import Aside
from jobs.lake.configuration import Configuration
from jobs.lake.errors import ServiceError
from jobs.lake.gold_log import GoldLog
from jobs.lake.kafka import TopicEnds
from jobs.lake.kept import OpenBars, keep, release
from jobs.lake.ledger import Ledger
from jobs.lake.progress import exceeds
from jobs.lake.quote_batch import BatchFacts, count_batch
from jobs.lake.quote_frames import BatchFrames
from jobs.lake.recent import RecentQuotes
from jobs.lake.settings import Settings
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import (
    BATCH_TABLES,
    BRONZE_QUOTES,
    GOLD_BARS_1M_LOG,
    SILVER_QUOTES,
    SILVER_REJECTED,
    Table,
)
from jobs.lake.upkeep import Upkeep
from jobs.lake.write import TableWriter
from transforms.messages import keep_messages
from transforms.quotes import check_messages

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MERGE_EVERY = 45.0  # seconds
LARGE_BATCH = 50_000  # quotes
SMALL_BATCH = 10_000  # messages
SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
log = structlog.get_logger()


class QuoteWriter:
    """Writes one batch after the other; `look_after_gold` is called between two of them."""

    def __init__(
        self,
        spark: "SparkSession",
        settings: Settings,
        ledger: Ledger,
        state: StreamState,
        tables: TableWriter,
        *,
        configuration: Configuration,
    ) -> None:
        self._spark, self._settings, self._ledger, self._state = spark, settings, ledger, state
        self._tables, self._configuration = tables, configuration
        self._open_bars = OpenBars(spark, settings, gold_is_empty=not state.sequence)
        if state.sequence:  # a first start has nothing to look for
            self._open_bars.with_sessions(read.open_sessions(spark, settings))
        self._recent = RecentQuotes(spark, settings, silver_is_empty=state.versions[SILVER_QUOTES.name] < 0)
        self._gold_log = GoldLog(
            spark, settings, state, tables, configuration=configuration, open_bars=self._open_bars
        )
        self._aside = Aside(spark)
        self._upkeep = Upkeep(spark, settings, state, tables, ledger)
        self._lateness = timedelta(minutes=settings.lateness_minutes)
        self._topic_ends = TopicEnds(settings.kafka, state.topic)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="commit")
        self._last_merge = time.monotonic()
        self._last_size, self._parts = SMALL_BATCH, 0

    def write(self, kafka: "DataFrame", batch_id: int) -> bool:
        """Write a batch, and do what is due after it; whether a table is further than before."""
        began = time.monotonic()
        known = self._configuration
        known.refresh()
        checked = keep(
            kafka
            .coalesce(self._divide(kafka.sparkSession))
            .transform(keep_messages, ingest_time=datetime.now(UTC))
            .transform(check_messages, instruments=known.listings, sessions=known.sessions)
        )
        facts = count_batch(checked)
        self._last_size = facts.messages
        is_new = any(exceeds(facts.end, self._state.ends[table.name]) for table in BATCH_TABLES)
        if facts.messages:
            self._commit(checked, facts, batch_id, began)
        release(checked)
        self._aside.settle(wait=False)
        if time.monotonic() - self._last_merge > MERGE_EVERY:
            self._merge()
        self._upkeep.do_one(self._aside)
        return is_new

    def look_after_gold(self, *, to_the_end: bool) -> None:
        """Close sessions by the clock once the topic is read to its end, merge the log, do what upkeep is due.

        `to_the_end`: wait for the merge, and for what runs before it, instead of leaving it beside the next batches; no
        upkeep is begun then.
        """
        self._aside.settle(wait=to_the_end)
        try:
            is_drained = not exceeds(self._topic_ends.ask(), self._state.ends[BRONZE_QUOTES.name])
        except ServiceError as error:
            # whether more is to come cannot be told now: sessions stay open until it can
            log.warning("topic_end_unknown", what=error.what, found=error.found)
            is_drained = False
        if is_drained:
            self._gold_log.close_sessions(datetime.now(UTC), lateness=self._lateness)
        self._merge()
        self._aside.settle(wait=to_the_end)
        if not to_the_end:
            self._upkeep.do_one(self._aside)

    def close(self) -> None:
        self._aside.close()
        self._pool.shutdown()
        self._topic_ends.close()
        self._recent.forget()

    def _divide(self, session: "SparkSession") -> int:
        """Into how many parts a batch is divided that is about as large as the last one.

        To start a task costs more than to work out a few thousand rows in it. How large it is itself is not known yet:
        the first large batch after small ones is worked out in one part. The setting belongs to the stream's sessions.
        """
        parts = 1 if self._last_size < SMALL_BATCH else self._spark.sparkContext.defaultParallelism
        if parts != self._parts:
            for each in (session, self._spark):
                each.conf.set(SHUFFLE_PARTITIONS, parts)
            self._parts = parts
        return parts

    def _commit(self, checked: "DataFrame", facts: BatchFacts, batch_id: int, began: float) -> None:
        state = self._state
        state.see(facts.newest_event, facts.newest_kafka)
        if facts.first_minute and exceeds(facts.end, state.ends[GOLD_BARS_1M_LOG.name]):
            state.sequence += 1
        frames = BatchFrames(checked, facts)
        try:
            commits, writes = {}, {}
            for table, frame, rows in self._appends(frames, facts):
                sequence = state.sequence if table is GOLD_BARS_1M_LOG else None
                commit = state.batch_commit(table, facts, batch_id=batch_id, sequence=sequence)
                commits[table.name] = commit.end
                writes[table.name] = self._pool.submit(
                    self._tables.append, frame, table=table, commit=commit, rows=rows
                )
            wait(writes.values())
            versions = {name: write.result() for name, write in writes.items()}
            visible = datetime.now(UTC)
            new_quotes, bars = frames.count_new()
            self._remember(frames, facts, new_quotes=new_quotes, written=versions)
        finally:
            frames.release()
        state.advance(facts, commits)
        counts = {"messages": facts.messages, "accepted": facts.accepted, "rejected": facts.rejected}
        counts |= {"duplicates": facts.accepted - new_quotes, "bars": bars}
        seconds = round(time.monotonic() - began, 3)
        self._ledger.record_batch(
            batch_id=batch_id,
            topic=state.topic.name,
            start=facts.start,
            end=facts.end,
            **counts,
            seconds=seconds,
            versions=versions,
            newest_event=max(facts.newest_event.values(), default=None),
            committed_at=visible,
        )
        log.info("batch", batch=batch_id, **counts, seconds=seconds)

    def _remember(
        self, frames: BatchFrames, facts: BatchFacts, *, new_quotes: int, written: Iterable[str]
    ) -> None:
        """Keep in memory what the next batches would have to read back."""
        state = self._state
        if GOLD_BARS_1M_LOG.name in written:
            self._open_bars.revise(frames.revisions)
        if exceeds(state.ends[SILVER_QUOTES.name], facts.start):
            # silver had some of the batch before: what it holds of it may have been judged otherwise then
            self._recent.forget()
        elif facts.first_minute:
            self._recent.add(frames.hand_over_new(), rows=new_quotes, newest=state.newest_event)

    def _appends(self, frames: BatchFrames, facts: BatchFacts) -> "Iterator[tuple[Table, DataFrame, int]]":
        """What the batch appends to which table, and about how many rows: only where the table is not there yet."""
        state = self._state
        wanted = {
            table.name: state.ends[table.name]
            for table in (BRONZE_QUOTES, SILVER_REJECTED, SILVER_QUOTES, GOLD_BARS_1M_LOG)
            if table.name not in facts.empty_tables and exceeds(facts.end, state.ends[table.name])
        }
        if (above := wanted.get(BRONZE_QUOTES.name)) is not None:
            yield BRONZE_QUOTES, frames.bronze(above=above), facts.messages
        if (above := wanted.get(SILVER_REJECTED.name)) is not None:
            yield SILVER_REJECTED, frames.rejected(above=above), facts.rejected
        if not facts.accepted:
            return
        silver = self._recent.beside(facts, newest=state.newest_event)
        frames.sequence(silver, bars=self._open_bars.with_sessions(facts.sessions))
        quotes = wanted.get(SILVER_QUOTES.name)
        # gold first, unless its bars take so long that a core would wait for them
        is_large = facts.accepted > LARGE_BATCH
        if is_large and quotes is not None:
            yield SILVER_QUOTES, frames.silver(above=quotes), facts.accepted
        if facts.first_minute:
            bars = frames.bars(
                self._configuration.units,
                final_before=state.final_before(self._lateness),
                sequence=state.sequence,
            )
            if GOLD_BARS_1M_LOG.name in wanted:
                yield GOLD_BARS_1M_LOG, bars, 0
        if not is_large and quotes is not None:
            yield SILVER_QUOTES, frames.silver(above=quotes), facts.accepted

    def _merge(self) -> None:
        if self._aside.is_free:
            self._gold_log.merge_within(self._aside)
            self._last_merge = time.monotonic()
