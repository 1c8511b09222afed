"""Work that takes seconds and need not keep the batches waiting: it is done beside them, one piece at a time."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


POOL = "aside"  # of conf/fairscheduler.xml


class Aside:
    """A thread of its own for one piece of work. All methods belong to whoever holds the lock of the batches.

    The Spark jobs of the thread leave the cores to those of the batches that want them.
    """

    def __init__(self, spark: "SparkSession | None" = None) -> None:
        def stand_aside() -> None:
            if spark:
                spark.sparkContext.setLocalProperty("spark.scheduler.pool", POOL)

        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aside", initializer=stand_aside)
        self._running: Future[None] | None = None
        self._then: Callable[[], None] = lambda: None

    @property
    def is_free(self) -> bool:
        return self._running is None

    def begin(self, work: Callable[[], None], *, then: Callable[[], None]) -> None:
        """Begin `work`, which must share nothing that changes meanwhile; `then` follows in the caller's thread."""
        self._running, self._then = self._pool.submit(work), then

    def settle(self, *, wait: bool) -> None:
        """Do what follows, if the work is done or is waited for; raise what ended it."""
        if self._running is None or not (wait or self._running.done()):
            return
        done, self._running = self._running, None
        done.result()
        self._then()

    def close(self) -> None:
        """Wait for what is running; what comes of it is left to the next start."""
        self._pool.shutdown()
