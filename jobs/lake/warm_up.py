"""A batch of nothing, before the first real one: the JVM loads and compiles what every batch needs."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.lake.kept import keep, release
from jobs.lake.quote_batch import BatchFacts, count_batch
from jobs.lake.quote_frames import BatchFrames
from transforms import schemas
from transforms.quotes import check_messages

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def warm_up(spark: "SparkSession", *, listings: "DataFrame", sessions: "DataFrame") -> None:
    """Work out the frames of an empty batch; nothing is read from or written to a table."""
    messages = spark.createDataFrame([], schemas.BRONZE_QUOTES)
    checked = keep(messages.transform(check_messages, instruments=listings, sessions=sessions))
    count_batch(checked)
    now = datetime.now(UTC)
    frames = BatchFrames(checked, BatchFacts(0, 1, {}, {}, frozenset({now.date()}), frozenset(), now, {}, {}))
    frames.sequence(
        spark.createDataFrame([], schemas.SILVER_QUOTES), bars=spark.createDataFrame([], schemas.GOLD_BARS_1M)
    )
    frames.bars((), final_before={"generated": now}, sequence=0)
    frames.count_new()
    frames.release()
    release(checked)
