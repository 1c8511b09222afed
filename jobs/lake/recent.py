"""The newest quotes of silver, kept in memory: few batches need an older one, and to read silver takes a second."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.lake import read
from jobs.lake.kept import keep, release
from jobs.lake.quote_batch import BatchFacts
from jobs.lake.settings import Settings
from jobs.lake.tables import SILVER_QUOTES
from transforms.quotes import UNTIMED
from transforms.revisions import TO_SEQUENCE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MINUTE = timedelta(minutes=1)
# beyond the lateness that is waited for
MARGIN = timedelta(minutes=2)
# parts are written together when there are more, or when so many quotes have come
MOST_PARTS, MOST_QUOTES = 8, 300_000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """Quotes in memory, none newer than `newest`."""

    quotes: "DataFrame"
    newest: datetime
    rows: int

    def release(self) -> None:
        release(self.quotes)


class Settled(Part):
    """Quotes that were written together: in columns, which take a quarter of the room that rows take."""

    def release(self) -> None:
        self.quotes.unpersist()


class RecentQuotes:
    """What silver holds from a moment on, without reading it: what was read once, and what each batch has committed.

    True because one driver writes silver.
    """

    def __init__(self, spark: "SparkSession", settings: Settings, *, silver_is_empty: bool) -> None:
        self._spark, self._settings = spark, settings
        self._window = timedelta(minutes=settings.lateness_minutes) + MARGIN
        # in the order in which they came, those that were written together first
        self._settled: list[Settled] = []
        self._fresh: list[Part] = []
        # the first minute that is complete here
        self._since = BEGINNING if silver_is_empty else None

    def beside(self, facts: BatchFacts, *, newest: datetime) -> "DataFrame":
        """What silver holds that quotes of a batch may equal, or that its bars are worked out with.

        Quotes without a time are a handful a day: they are read from silver. `newest` as below.
        """
        found = []
        if facts.first_minute:
            found.append(self.since(facts.first_minute, newest=newest, sessions=facts.sessions))
        if facts.untimed_sessions:
            silver = read.table(self._spark, SILVER_QUOTES, self._settings)
            of_sessions = F.col("session").isin(sorted(facts.untimed_sessions))
            found.append(silver.where(of_sessions & (F.col("segment") == UNTIMED)).select(*TO_SEQUENCE))
        return reduce(lambda one, other: one.unionByName(other), found)

    def since(self, first: datetime, *, newest: datetime, sessions: Iterable[date]) -> "DataFrame":
        """At least the quotes of `sessions` from the minute `first` on, from memory where it goes back so far.

        `newest` is the newest event so far: a first call begins to remember from some minutes before it.
        """
        if self._since is None and newest - first <= 2 * self._window:
            self._since = min(first, newest - self._window)
            self._settle([Part(keep(self._of_silver(self._since)), newest, 0)])
        if self._since is None or first < self._since:
            return self._of_silver(first).where(F.col("session").isin(sorted(sessions)))
        return self._together([part for part in (*self._settled, *self._fresh) if part.newest >= first])

    def add(self, quotes: "DataFrame", *, rows: int, newest: datetime) -> None:
        """Take over a kept frame of quotes that silver has now, and let go of what is older than the window.

        `newest` is the newest event so far.
        """
        if self._since is None or not rows:
            release(quotes)
            return
        self._fresh.append(Part(quotes, newest, rows))
        if len(self._fresh) > MOST_PARTS or sum(part.rows for part in self._fresh) > MOST_QUOTES:
            fresh, self._fresh = self._fresh, []
            self._settle(fresh)
        while self._settled and self._settled[0].newest < newest - self._window:
            gone = self._settled.pop(0)
            gone.release()
            # it may have held quotes of its newest minute
            self._since = gone.newest - (gone.newest - BEGINNING) % MINUTE + MINUTE

    def forget(self) -> None:
        """Let go of everything: what is asked next is read from silver."""
        for part in (*self._settled, *self._fresh):
            part.release()
        self._settled, self._fresh, self._since = [], [], None

    def _settle(self, parts: list[Part]) -> None:
        quotes = self._together(parts).persist()
        self._settled.append(Settled(quotes, parts[-1].newest, quotes.count()))
        for part in parts:
            part.release()

    def _together(self, parts: "Sequence[Part]") -> "DataFrame":
        if not parts:
            return self._spark.createDataFrame([], SILVER_QUOTES.schema).select(*TO_SEQUENCE)
        slim = [part.quotes.select(*TO_SEQUENCE) for part in parts]
        together = reduce(lambda one, other: one.unionByName(other), slim)
        return together.coalesce(self._spark.sparkContext.defaultParallelism)

    def _of_silver(self, first: datetime) -> "DataFrame":
        """Silver from a minute on, rounded down: few batches differ in it, and so few compile their plan anew."""
        begin = first - timedelta(minutes=first.minute % 10)
        silver = read.table(self._spark, SILVER_QUOTES, self._settings)
        return silver.where(F.col("bar_start") >= F.lit(begin)).select(*TO_SEQUENCE)
