"""The stream of quotes: one batch of Kafka messages into bronze, silver, rejected and gold.

Every write is idempotent by itself and none depends on another's having happened, so the commits of a batch run at
once. What they record is told in jobs/lake/progress.py.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from jobs.lake import failpoints, read
from jobs.lake.configuration import Configuration
from jobs.lake.errors import ServiceError
from jobs.lake.gold_log import GoldLog
from jobs.lake.kafka import TopicEnds
from jobs.lake.kept import OpenBars, keep, release
from jobs.lake.ledger import Ledger
from jobs.lake.progress import exceeds
from jobs.lake.quote_batch import BatchFacts, count_batch
from jobs.lake.quote_frames import BatchFrames
from jobs.lake.settings import Settings
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import BRONZE_QUOTES, GOLD_BARS_1M_LOG, SILVER_QUOTES, SILVER_REJECTED, Table
from jobs.lake.write import TableWriter
from transforms.messages import keep_messages
from transforms.quotes import check_messages

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

MERGE_EVERY, IDLE_AFTER = 45.0, 5.0  # seconds
log = structlog.get_logger()


class StreamStopped(Exception):
    """The stream was asked to stop: this batch is not begun, the next start does it."""


class QuoteStream:
    """Writes the batches of one query, and looks after gold between them."""

    def __init__(
        self,
        spark: "SparkSession",
        settings: Settings,
        ledger: Ledger,
        state: StreamState,
        writer: TableWriter,
        *,
        configuration: Configuration,
        place: tuple[str, str],
    ) -> None:
        """`place` is the folder of the checkpoint, and the offsets where a new one begins."""
        self._spark, self._settings, self._ledger, self._state = spark, settings, ledger, state
        self._writer, self._configuration, self._place = writer, configuration, place
        self._open_bars = OpenBars(spark, settings, gold_is_empty=not state.sequence)
        if state.sequence:  # a first start has nothing to look for
            self._open_bars.with_sessions(read.open_sessions(spark, settings))
        self._gold_log = GoldLog(
            spark, settings, state, writer, configuration=configuration, open_bars=self._open_bars
        )
        self._lateness = timedelta(minutes=settings.lateness_minutes)
        self._topic_ends = TopicEnds(settings.kafka_bootstrap, state.topic)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="commit")
        self._lock = threading.Lock()
        self._last_batch = self._last_merge = time.monotonic()
        self.has_progressed = self._stopping = self._refused = False
        self._error: BaseException | None = None

    def write_batch(self, kafka: "DataFrame", batch_id: int) -> None:
        """What the query calls for each batch."""
        self._wait_for_turn()
        try:
            self._write(kafka, batch_id)
            if time.monotonic() - self._last_merge > MERGE_EVERY:
                self._merge()
            self._last_batch = time.monotonic()
            failpoints.reached("checkpoint.before")
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._lock.release()

    def tick(self) -> None:
        """After some seconds without a batch: close sessions by the clock, merge the log."""
        if time.monotonic() - self._last_batch < IDLE_AFTER or not self._lock.acquire(blocking=False):
            return
        try:
            if self._error is None:
                self._look_after_gold()
            self._last_batch = time.monotonic()
        finally:
            self._lock.release()

    def start(self, *, trigger: str, max_offsets: int) -> "StreamingQuery":
        """Start the query: a batch as often as `trigger` says, or until the topic is drained."""
        checkpoint, starting_offsets = self._place
        messages = read.kafka_stream(
            self._spark, self._settings, starting_offsets=starting_offsets, max_offsets=max_offsets
        )
        writer = messages.writeStream.queryName("quotes").option("checkpointLocation", checkpoint)
        pace = {"availableNow": True} if trigger == "available-now" else {"processingTime": trigger}
        return writer.foreachBatch(self.write_batch).trigger(**pace).start()

    def stop(self, query: "StreamingQuery") -> None:
        """Stop `query` between two batches, then look after gold once more; raise what ended it before."""
        try:
            self._end(query)
            # a batch that was not begun ends the query with our own refusal, which is no failure
            failure = self._error or (None if self._refused else query.exception())
            if failure is not None:
                raise failure
            self._look_after_gold()
        finally:
            self._close()

    def abandon(self, query: "StreamingQuery") -> None:
        """Stop `query` between two batches, and nothing more."""
        self._end(query)
        self._close()

    def _end(self, query: "StreamingQuery") -> None:
        self._stopping = True
        with self._lock:
            query.stop()

    def _close(self) -> None:
        self._pool.shutdown()
        self._topic_ends.close()

    def _wait_for_turn(self) -> None:
        """Take the lock, or refuse to begin a batch once a stop was asked for."""
        while not self._stopping:
            if self._lock.acquire(timeout=0.1):
                if not self._stopping:
                    return
                self._lock.release()
        self._refused = True
        raise StreamStopped

    def _write(self, kafka: "DataFrame", batch_id: int) -> None:
        began = time.monotonic()
        known = self._configuration
        known.refresh()
        checked = keep(
            kafka
            .coalesce(self._spark.sparkContext.defaultParallelism)
            .transform(keep_messages, ingest_time=datetime.now(UTC))
            .transform(check_messages, instruments=known.listings, sessions=known.sessions)
        )
        facts = count_batch(checked)
        if facts.messages:
            self._commit(checked, facts, batch_id, began)
        release(checked)

    def _commit(self, checked: "DataFrame", facts: BatchFacts, batch_id: int, began: float) -> None:
        state = self._state
        state.see(facts.newest_event, facts.newest_kafka)
        if facts.accepted and exceeds(facts.end, state.ends[GOLD_BARS_1M_LOG.name]):
            state.sequence += 1
        frames = BatchFrames(checked, facts)
        try:
            commits, writes = {}, {}
            for table, frame, rows in self._appends(frames, facts):
                sequence = state.sequence if table is GOLD_BARS_1M_LOG else None
                commit = state.batch_commit(table, facts, batch_id=batch_id, sequence=sequence)
                commits[table.name] = commit.end
                writes[table.name] = self._pool.submit(
                    self._writer.append, frame, table=table, commit=commit, rows=rows
                )
            wait(writes.values())
            versions = {name: write.result() for name, write in writes.items()}
            visible = datetime.now(UTC)
            new_quotes, bars = frames.count_new()
            if GOLD_BARS_1M_LOG.name in writes:
                self._open_bars.revise(frames.revisions)
        finally:
            frames.release()
        state.advance(facts, commits)
        self.has_progressed = True
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
        if facts.accepted:
            silver = read.table(self._spark, SILVER_QUOTES, self._settings)
            frames.sequence(silver, bars=self._open_bars.with_sessions(facts.sessions))
            bars = frames.bars(
                self._configuration.units, final_before=self._final_before(), sequence=state.sequence
            )
            if GOLD_BARS_1M_LOG.name in wanted:
                yield GOLD_BARS_1M_LOG, bars, 0
            if (above := wanted.get(SILVER_QUOTES.name)) is not None:
                yield SILVER_QUOTES, frames.silver(above=above), facts.accepted

    def _final_before(self) -> dict[str, datetime]:
        """Each source's watermark: its newest accepted event, less the lateness that is waited for."""
        return {source: newest - self._lateness for source, newest in self._state.watermark.items()}

    def _look_after_gold(self) -> None:
        try:
            is_drained = not exceeds(self._topic_ends.ask(), self._state.ends[BRONZE_QUOTES.name])
        except ServiceError as error:
            # whether more is to come cannot be told now: sessions stay open until it can
            log.warning("topic_end_unknown", what=error.what, found=error.found)
            is_drained = False
        if is_drained:
            self._gold_log.close_sessions(datetime.now(UTC), lateness=self._lateness)
        self._merge()

    def _merge(self) -> None:
        self._gold_log.merge()
        self._last_merge = time.monotonic()
