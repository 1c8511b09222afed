"""The data dictionary: each transform ends on its table, and a name means one thing."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from jobs.lake.gold_log import with_sequence
from jobs.lake.tables import STREAM_TABLES
from tests.builders import DAY, checked, messages, quotes
from tests.transforms.test_bars import bars
from transforms import schemas
from transforms.errors import MissingColumnsError
from transforms.messages import keep_messages
from transforms.quotes import keep_rejected
from transforms.revisions import newest_bars
from transforms.schemas import conform

LINE = "14:30:01 AAPL 10 1"
TABLES = {table.name: table for table in STREAM_TABLES}


def kafka(spark: SparkSession) -> DataFrame:
    """Kafka's own columns."""
    return messages(spark, LINE).selectExpr(
        "key",
        "value",
        "topic",
        "partition",
        "offset",
        "kafka_time AS timestamp",
        "0 AS timestampType",
        "headers",
    )


MAKERS: dict[str, Callable[[SparkSession], DataFrame]] = {
    "bronze.quotes": lambda spark: kafka(spark).transform(keep_messages, ingest_time=DAY),
    "silver.quotes": lambda spark: quotes(spark, LINE),
    "silver.rejected": lambda spark: checked(spark, b"rubbish").transform(keep_rejected),
    "gold.bars_1m_log": lambda spark: bars(spark, LINE).transform(with_sequence, sequence=1),
    "gold.bars_1m": lambda spark: (
        bars(spark, LINE)
        .limit(0)
        .transform(newest_bars, log=bars(spark, LINE).transform(with_sequence, sequence=1))
    ),
}


def types_of(schema: T.StructType) -> list[tuple[str, str]]:
    return [(field.name, field.dataType.simpleString()) for field in schema.fields]


@pytest.mark.parametrize("name", TABLES)
def test_the_transform_of_each_table_gives_its_columns_in_order(spark: SparkSession, name: str) -> None:
    frame = MAKERS[name](spark)
    assert types_of(frame.schema) == types_of(TABLES[name].schema)
    assert frame.count() == 1


@pytest.mark.parametrize("name", TABLES)
def test_the_key_and_the_partition_are_columns(name: str) -> None:
    table = TABLES[name]
    assert {*table.key, table.partition} <= set(table.schema.names)


def test_one_name_has_one_type_in_all_tables() -> None:
    found = defaultdict(set)
    for name in dir(schemas):
        schema = getattr(schemas, name)
        if isinstance(schema, T.StructType):
            for field in schema.fields:
                found[field.name].add(field.dataType.simpleString())
    assert {name: kinds for name, kinds in found.items() if len(kinds) > 1} == {}


def test_every_column_has_a_comment() -> None:
    for table in STREAM_TABLES:
        assert [field.name for field in table.schema.fields if not field.metadata.get("comment")] == []


def test_no_number_is_stored_as_a_float() -> None:
    for table in STREAM_TABLES:
        assert not {"float", "double"} & {kind for _, kind in types_of(table.schema)}


def test_a_forgotten_column_is_an_error_and_not_null(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(date(2023, 9, 5),)], "session DATE")
    with pytest.raises(MissingColumnsError, match="event_id"):
        conform(frame, schema=schemas.SILVER_QUOTES)
