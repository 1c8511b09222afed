"""The newest quotes of silver, kept in memory: few batches need an older one, and to read silver takes a second."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.lake import read
from jobs.lake.kept import keep, release
from jobs.lake.settings import Settings
from jobs.lake.tables import SILVER_QUOTES
from transforms.constants import moment
from transforms.revisions import TO_SEQUENCE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WINDOW = timedelta(minutes=4)
# parts are written together when there are more, or when so many quotes have come
MOST_PARTS, MOST_QUOTES = 8, 300_000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class RecentQuotes:
    """What silver holds from a moment on, without reading it: what was read once, and what each batch has committed.

    True because one driver writes silver.
    """

    def __init__(self, spark: "SparkSession", settings: Settings, *, silver_is_empty: bool) -> None:
        self._spark, self._settings = spark, settings
        self._parts: list[DataFrame] = []
        self._added = 0
        # the first minute that is complete here
        self._since = BEGINNING if silver_is_empty else None

    def since(self, first: datetime, *, newest: datetime, sessions: Iterable[date]) -> "DataFrame":
        """At least the quotes of `sessions` from the minute `first` on, from memory where it goes back so far.

        `newest` is the newest event so far: a first call begins to remember from some minutes before it.
        """
        if self._since is None and newest - first <= 2 * WINDOW:
            begin = min(first, newest - WINDOW)
            self._parts.append(keep(self._of_silver(begin)))
            self._since = begin
        if self._since is None or first < self._since:
            return self._of_silver(first).where(F.col("session").isin(sorted(sessions)))
        return self._together()

    def add(self, quotes: "DataFrame", *, rows: int, newest: datetime) -> None:
        """Take over a kept frame of quotes that silver has now, and let go of what is older than the window."""
        if self._since is None or not rows:
            release(quotes)
            return
        self._parts.append(quotes)
        self._added += rows
        if len(self._parts) > MOST_PARTS or self._added > MOST_QUOTES:
            begin = max(self._since, newest - WINDOW)
            young = self._together().where(F.col("bar_start") >= moment(begin, beside=F.col("offset")))
            before, self._parts = self._parts, [keep(young)]
            self._since, self._added = begin, 0
            for part in before:
                release(part)

    def _together(self) -> "DataFrame":
        nothing = self._spark.createDataFrame([], SILVER_QUOTES.schema)
        slim = [part.select(*TO_SEQUENCE) for part in self._parts or [nothing]]
        return reduce(lambda one, other: one.unionByName(other), slim).coalesce(
            self._spark.sparkContext.defaultParallelism
        )

    def _of_silver(self, first: datetime) -> "DataFrame":
        """Silver from a minute on, rounded down: few batches differ in it, and so few compile their plan anew."""
        begin = first - timedelta(minutes=first.minute % 10)
        silver = read.table(self._spark, SILVER_QUOTES, self._settings)
        return silver.where(F.col("bar_start") >= F.lit(begin)).select(*TO_SEQUENCE)
