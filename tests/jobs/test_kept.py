"""Frames that are kept in memory between batches."""

from typing import TYPE_CHECKING

from jobs.lake.kept import keep, release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_the_estimate_of_a_frame_does_not_grow_with_each_join_to_what_it_was(spark: "SparkSession") -> None:
    bars = keep(spark.range(3))
    for _ in range(4):
        before, bars = bars, keep(bars.join(bars, on="id"))
        release(before)
    assert bars.count() == 3
    assert bars._jdf.queryExecution().optimizedPlan().stats().sizeInBytes().bit_length() < 128
