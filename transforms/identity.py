"""Two things under one name: tellings of one bar that are too far apart to be of one instrument."""

from collections.abc import Sequence
from math import log

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from transforms.suspicion_rules import SPLIT_RATIOS, UNIT

# a correction of a close is not larger
CORRECTION = log(1.5)
# A split that a vendor has undone since, and a unit, change a price by exactly their ratio: two prices in whole cents
# show it within this.
EXACT_RATIO = 0.005
UNDONE_RATIOS = (1.5, 2.5, *SPLIT_RATIOS)


def mark_identity(tellings: DataFrame, *, key: Sequence[str]) -> DataFrame:
    """Add what a telling and those before it say of the instrument's identity: what was told later is not known of it.

    `told_apart`: no split and no other unit explains how two differ, one after the other. `told_higher`, `told_lower`:
    a split may, but none turns a price up and down again. What was withdrawn between two, or could not be read, tells
    nothing.
    """
    by_time = Window.partitionBy(*key).orderBy("fetched_at")
    before = F.last("told", ignorenulls=True).over(by_time.rowsBetween(Window.unboundedPreceding, -1))
    told = F.when(~F.col("is_withdrawn"), F.log(F.col("close") * F.col("split_factor")))
    step = F.col("told") - F.col("told_before")
    is_unit = F.abs(F.abs(step) - UNIT) < EXACT_RATIO
    is_far = (F.abs(step) > CORRECTION) & ~is_unit
    is_split = F.lit(False)
    for ratio in UNDONE_RATIOS:
        is_split |= F.abs(F.abs(step) - log(ratio)) < EXACT_RATIO
    marks = {
        "told_apart": is_far & ~is_split,
        "told_higher": is_far & (step > 0),
        "told_lower": is_far & (step < 0),
    }
    return (
        tellings
        .withColumn("told", told)
        .withColumn("told_before", before)
        .withColumns({name: F.max(mark).over(by_time) for name, mark in marks.items()})
        .drop("told", "told_before")
    )
