"""A lake in memory: what a batch of the stream works out, without Kafka and Delta."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.lake.kept import keep
from jobs.lake.quote_batch import count_batch
from jobs.lake.quote_frames import BatchFrames
from producers.events import DayQuote, Quote
from tests.builders import checked
from transforms.revisions import BAR_KEY
from transforms.schemas import GOLD_BARS_1M, SILVER_QUOTES, conform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

LATENESS = timedelta(minutes=10)


class MemoryLake:
    """Silver and gold as frames, built up batch by batch with the functions that the stream calls."""

    def __init__(self, spark: "SparkSession") -> None:
        self._spark = spark
        self.silver: DataFrame = spark.createDataFrame([], SILVER_QUOTES)
        self.gold: DataFrame = spark.createDataFrame([], GOLD_BARS_1M)
        self._newest = dict[str, "object"]()

    def take(self, batch: Sequence[Quote | DayQuote], *, silver_first: bool = False) -> None:
        """One batch; with `silver_first` it is done again after silver has committed and gold has not."""
        frame = keep(checked(self._spark, *batch))
        facts = count_batch(frame)
        frames = BatchFrames(frame, facts)
        if silver_first:
            frames.sequence(self.silver, bars=self.gold)
            self.silver = keep(self.silver.unionByName(frames.silver(above={})))
            frames = BatchFrames(frame, facts)
        frames.sequence(self.silver, bars=self.gold)
        watermarks = {source: newest - LATENESS for source, newest in facts.newest_event.items()}
        revisions = frames.bars((), final_before=watermarks, sequence=1).transform(
            conform, schema=GOLD_BARS_1M
        )
        self.silver = keep(self.silver.unionByName(frames.silver(above={})))
        self.gold = keep(self.gold.join(revisions, on=BAR_KEY, how="left_anti").unionByName(revisions))

    def bars(self) -> "list[Row]":
        return self.gold.orderBy("symbol", "bar_start").collect()
