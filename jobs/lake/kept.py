"""Frames that are worked out once and kept in memory, and the bars of the open sessions among them."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake import read
from jobs.lake.settings import Settings
from transforms.revisions import BAR_KEY
from transforms.schemas import GOLD_BARS_1M, conform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def keep(frame: "DataFrame") -> "DataFrame":
    """Work `frame` out now and keep its rows until `release`.

    Not `persist`: a frame that reads a Delta table would be worked out again after every commit to that table. And
    without the checkpoint's estimate of its size, which is the product of all that was joined: a frame that is joined
    to what it was before, batch after batch, would carry a number with twice as many digits each time.

    Such rows are not worked out again when they are lost: on a cluster two executors have them.
    """
    from pyspark import StorageLevel
    from pyspark.sql import DataFrame

    is_local = str(frame.sparkSession.sparkContext.master).startswith("local")
    done = frame.localCheckpoint(True, None if is_local else StorageLevel(True, True, False, True, 2))
    session = frame.sparkSession._jsparkSession
    rows = done._jdf.logicalPlan().rdd()
    return DataFrame(session.internalCreateDataFrame(rows, done._jdf.schema(), False), frame.sparkSession)


def release(frame: "DataFrame") -> None:
    """Let go of the rows of a kept frame."""
    frame._jdf.logicalPlan().rdd().unpersist(False)


class OpenBars:
    """The newest bars of the sessions that are open or were touched: what gold holds of them, without reading it.

    True because one driver writes gold: what it read at its start and wrote since is what is there.
    """

    def __init__(self, spark: "SparkSession", settings: Settings, *, gold_is_empty: bool) -> None:
        self._spark, self._settings = spark, settings
        # whether gold may hold bars of sessions that are not here
        self._others_stored = not gold_is_empty
        self._bars: DataFrame = keep(spark.createDataFrame([], GOLD_BARS_1M))
        self.sessions: set[date] = set()

    def with_sessions(self, sessions: Iterable[date]) -> "DataFrame":
        """The bars, those of `sessions` among them."""
        missing = set(sessions) - self.sessions
        if missing and self._others_stored:
            self._replace(
                self._bars.unionByName(read.newest_bars_of(self._spark, self._settings, sessions=missing))
            )
        self.sessions |= missing
        return self._bars

    def revise(self, revisions: "DataFrame") -> None:
        """Take in bars that were committed."""
        revised = revisions.transform(conform, schema=GOLD_BARS_1M)
        self._replace(self._bars.join(revised, on=BAR_KEY, how="left_anti").unionByName(revised))

    def forget_final(self) -> None:
        """Keep only the sessions that hold a bar which is not final."""
        from pyspark.sql import functions as F

        rows = self._bars.where("NOT is_final").select("session").distinct().collect()
        still_open = {row.session for row in rows}
        self._others_stored |= still_open != self.sessions
        self.sessions = still_open
        self._replace(self._bars.where(F.col("session").isin(sorted(self.sessions))))

    def _replace(self, bars: "DataFrame") -> None:
        before, self._bars = self._bars, keep(bars)
        release(before)
