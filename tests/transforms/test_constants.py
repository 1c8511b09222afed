"""A value that differs in every batch is no literal of the plan: Spark would generate and compile code for each."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from transforms.constants import moment, whole_number

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


# the optimizer knows that neither can be null
@pytest.mark.parametrize("expression", ["id", "coalesce(id, 1)"])
@pytest.mark.parametrize(
    "make", [lambda beside: whole_number(20, beside=beside), lambda beside: moment(NOON, beside=beside)]
)
def test_the_optimizer_makes_no_literal_of_it(
    spark: SparkSession, make: Callable[[Column], Column], expression: str
) -> None:
    frame = spark.range(3).select(make(F.expr(expression)).alias("value"))
    (value,) = iterate(frame._jdf.queryExecution().optimizedPlan().expressions())
    assert not value.child().foldable(), value.toString()


def test_the_value_is_in_every_row(spark: SparkSession) -> None:
    frame = spark.range(3).select(
        whole_number(20, beside=F.col("id")).alias("n"), moment(NOON, beside=F.col("id")).alias("at")
    )
    rows = {(row.n, row.at.astimezone(UTC)) for row in frame.collect()}
    assert rows == {(20, NOON)}


def iterate(sequence: Any) -> Iterator[Any]:
    return (sequence.apply(i) for i in range(sequence.size()))
