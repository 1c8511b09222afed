"""Kafka's own columns to the rows of bronze."""

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.constants import moment
from transforms.schemas import BRONZE_QUOTES, conform

# what makes a message the one that it is
COORDINATES = ("topic", "partition", "offset")


def keep_messages(kafka: DataFrame, *, ingest_time: datetime) -> DataFrame:
    """Every message as it came, `BRONZE_QUOTES`; `ingest_time` is the batch's."""
    return (
        kafka
        .withColumn("kafka_time", F.col("timestamp"))
        .withColumn("kafka_date", F.to_date("timestamp"))
        .withColumn("ingest_time", moment(ingest_time, beside=F.col("partition")))
        .transform(conform, schema=BRONZE_QUOTES)
    )
