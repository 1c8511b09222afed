"""Read streams and tables: Kafka as bronze rows, and Delta tables."""

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake.settings import Settings
from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG, Table
from transforms.revisions import newest_bars

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


def kafka_stream(
    spark: "SparkSession", settings: Settings, *, starting_offsets: str, max_offsets: int
) -> "DataFrame":
    """The topic as a stream of Kafka's own columns, headers included; a gap in the offsets stops it."""
    return (
        spark.readStream
        .format("kafka")
        .options(**settings.kafka.spark_options())
        .option("subscribe", settings.topic)
        .option("startingOffsets", starting_offsets)
        .option("maxOffsetsPerTrigger", max_offsets)
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        # after every fetch Spark asks where the partition ends, and the answer queues behind the next fetch, which the
        # broker holds for this long while nothing new comes: with the default, 500 ms, a batch waited up to 1.2 s
        .option("kafka.fetch.max.wait.ms", "20")
        # so many fewer fetches, and questions, where much is waiting
        .option("kafka.max.poll.records", "5000")
        .option("kafka.max.partition.fetch.bytes", str(4 << 20))
        .load()
    )


def table(
    spark: "SparkSession", table: Table, settings: Settings, *, version: int | None = None
) -> "DataFrame":
    """The rows of a table as it is now, or at a version."""
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(table.path(settings))


def newest_bars_of(spark: "SparkSession", settings: Settings, *, sessions: Iterable[date]) -> "DataFrame":
    """The bars of some sessions as they are now: gold.bars_1m and, above it, the revisions of its log."""
    from pyspark.sql import functions as F

    return newest_bars_where(spark, settings, wanted=F.col("session").isin(sorted(sessions)))


def newest_bars_where(spark: "SparkSession", settings: Settings, *, wanted: "Column") -> "DataFrame":
    """The bars that a condition on session and instrument leaves, as they are now.

    The log is read first: what is pruned from it meanwhile is in gold.bars_1m then.
    """
    log = table(spark, GOLD_BARS_1M_LOG, settings).where(wanted)
    return table(spark, GOLD_BARS_1M, settings).where(wanted).transform(newest_bars, log=log)


def open_sessions(spark: "SparkSession", settings: Settings) -> set[date]:
    """The sessions that hold a bar which is not final."""
    log = table(spark, GOLD_BARS_1M_LOG, settings)
    bars = table(spark, GOLD_BARS_1M, settings).transform(newest_bars, log=log)
    return {row.session for row in bars.where("NOT is_final").select("session").distinct().collect()}
