"""The query of the stream: its batches one at a time, and what is done between them.

The lock is held by a batch while it is written, and by the main thread while it looks after gold.
"""

import threading
import time
from typing import TYPE_CHECKING

from pyspark.errors.exceptions.captured import convert_exception

from jobs.lake import failpoints, read
from jobs.lake.quote_writer import QuoteWriter
from jobs.lake.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

IDLE_AFTER = 5.0  # seconds


class StreamStopped(Exception):
    """The stream was asked to stop: this batch is not begun, the next start does it."""


class QuoteStream:
    """Writes the batches of one query, and looks after gold between them."""

    def __init__(
        self, spark: "SparkSession", settings: Settings, writer: QuoteWriter, *, place: tuple[str, str]
    ) -> None:
        """`place` is the folder of the checkpoint, and the offsets where a new one begins."""
        self._spark, self._settings, self._writer, self._place = spark, settings, writer, place
        self._lock = threading.Lock()
        self._last_batch = time.monotonic()
        self.has_progressed = self._stopping = self._refused = False
        self._error: BaseException | None = None

    def write_batch(self, kafka: "DataFrame", batch_id: int) -> None:
        """What the query calls for each batch."""
        self._wait_for_turn()
        try:
            # a batch that is only repeated is no progress: what fails after it would be tried again for ever
            self.has_progressed |= self._writer.write(kafka, batch_id)
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
                self._writer.look_after_gold(to_the_end=False)
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
            failure = self._error or (None if self._refused else _failure_of(query))
            if failure is not None:
                raise failure
            self._writer.look_after_gold(to_the_end=True)
        finally:
            self._writer.close()

    def abandon(self, query: "StreamingQuery") -> None:
        """Stop `query` between two batches, and nothing more."""
        try:
            self._end(query)
        finally:
            self._writer.close()

    def _end(self, query: "StreamingQuery") -> None:
        self._stopping = True
        with self._lock:
            query.stop()

    def _wait_for_turn(self) -> None:
        """Take the lock, or refuse to begin a batch once a stop was asked for."""
        while not self._stopping:
            if self._lock.acquire(timeout=0.1):
                if not self._stopping:
                    return
                self._lock.release()
        self._refused = True
        raise StreamStopped


def _failure_of(query: "StreamingQuery") -> Exception | None:
    """What ended the query, with the Java cause that `query.exception()` drops."""
    found = query._jsq.exception()
    return convert_exception(found.get()) if found.isDefined() else None
