"""Read streams and tables: Kafka as bronze rows, Delta tables, and the frames of the configuration."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake.instruments import Instruments, read_instruments
from jobs.lake.sessions import Session, sessions_for
from jobs.lake.settings import Settings
from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG, Table
from transforms.revisions import newest_bars
from transforms.schemas import EXCHANGE_SESSIONS, INSTRUMENT_LISTINGS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType


def kafka_stream(
    spark: "SparkSession", settings: Settings, *, starting_offsets: str, max_offsets: int
) -> "DataFrame":
    """The topic as a stream of Kafka's own columns, headers included; a gap in the offsets stops it."""
    return (
        spark.readStream
        .format("kafka")
        .option("kafka.bootstrap.servers", settings.kafka_bootstrap)
        .option("subscribe", settings.topic)
        .option("startingOffsets", starting_offsets)
        .option("maxOffsetsPerTrigger", max_offsets)
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .load()
    )


def table(spark: "SparkSession", table: Table, settings: Settings) -> "DataFrame":
    return spark.read.format("delta").load(table.path(settings))


def configuration(settings: Settings) -> tuple[Instruments, list[Session]]:
    """The instruments, and every session of their calendars."""
    instruments = read_instruments(settings.instruments)
    return instruments, sessions_for(instruments.calendars)


def listings_frame(spark: "SparkSession", instruments: Instruments) -> "DataFrame":
    return _small_frame(spark, instruments.listings, INSTRUMENT_LISTINGS)


def sessions_frame(spark: "SparkSession", sessions: list[Session]) -> "DataFrame":
    return _small_frame(spark, sessions, EXCHANGE_SESSIONS)


def _small_frame(spark: "SparkSession", rows: Sequence[NamedTuple], schema: "StructType") -> "DataFrame":
    """A few thousand rows of configuration, as data of the plan: nothing is read or unpickled in a batch."""
    import pyarrow

    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    return spark.createDataFrame(pyarrow.table(columns), schema)


def newest_bars_of(spark: "SparkSession", settings: Settings, *, sessions: Iterable[date]) -> "DataFrame":
    """The bars of some sessions as they are now: gold.bars_1m and, above it, the revisions of its log."""
    from pyspark.sql import functions as F

    wanted = F.col("session").isin(sorted(sessions))
    log = table(spark, GOLD_BARS_1M_LOG, settings).where(wanted)
    return table(spark, GOLD_BARS_1M, settings).where(wanted).transform(newest_bars, log=log)


def open_sessions(spark: "SparkSession", settings: Settings) -> set[date]:
    """The sessions that hold a bar which is not final."""
    log = table(spark, GOLD_BARS_1M_LOG, settings)
    bars = table(spark, GOLD_BARS_1M, settings).transform(newest_bars, log=log)
    return {row.session for row in bars.where("NOT is_final").select("session").distinct().collect()}
