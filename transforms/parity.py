"""Two ways to one number, compared column by column: how many there were, how many differ, and by how much at most.

One row for each session and column: `compared`, `mismatched`, and `worst`, the largest difference of a number.
"""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.gold_schemas import PRICES
from transforms.revisions import BAR_KEY
from transforms.schemas import BAR_VALUES

# a bar that only one side has; a day with too few minutes to say anything of it
BAR, DAY = "bar", "day"
# what may be between a day made of minutes and the day as a vendor tells it: in money, or else relative. The closing
# auction is in none of the minutes, nor are some other trades that the day counts
TOLERANCES = {
    "open": (0.005, 0.001),
    "high": (0.005, 0.001),
    "low": (0.005, 0.001),
    "close": (0.01, 0.005),
    "volume": (0.0, 0.6),
}
# the share of the session's minutes that a day is compared with
ENOUGH = 0.8


def compare_minutes(streamed: DataFrame, *, again: DataFrame) -> DataFrame:
    """The stream's bars against the bars worked out `again`: equal is equal to the last digit.

    `BAR` counts all, and as mismatched those that only one side has.
    """
    names = [field.name for field in BAR_VALUES]
    key = ["session", *BAR_KEY]
    one, other = (
        bars.select(*key, F.struct(*names).alias(side))
        for bars, side in ((streamed, "one"), (again, "other"))
    )
    in_both = F.col("one").isNotNull() & F.col("other").isNotNull()
    counts = [_counted(BAR, F.lit(True), ~in_both, _no_distance())]
    for field in BAR_VALUES:
        left, right = F.col(f"one.{field.name}"), F.col(f"other.{field.name}")
        is_number = field.dataType.typeName() in {"decimal", "long"}
        distance = F.abs(left.cast("double") - right.cast("double")) if is_number else _no_distance()
        counts.append(_counted(field.name, in_both, in_both & ~left.eqNullSafe(right), distance))
    return one.join(other, on=key, how="full").transform(_count, counts)


def compare_days(rolled_up: DataFrame, *, days: DataFrame) -> DataFrame:
    """Days made of minutes (`roll_up`) against the same days of GOLD_BARS_1D, within `TOLERANCES`.

    `DAY` counts all, and as mismatched those that have too few minutes: of these no column is compared.
    """
    numbers = (*PRICES, "volume")
    told = days.select("instrument_id", "session", F.struct(*numbers).alias("told"))
    is_enough = F.col("minutes") >= F.col("expected") * ENOUGH
    counts = [_counted(DAY, F.lit(True), ~is_enough, _no_distance())]
    for name in numbers:
        one, other = F.col(name).cast("double"), F.col(f"told.{name}").cast("double")
        in_both = is_enough & one.isNotNull() & other.isNotNull()
        distance = F.when(in_both, F.abs(one - other))
        absolute, relative = TOLERANCES[name]
        allowed = F.greatest(F.lit(absolute), F.abs(other) * relative)
        # a difference of exactly half a cent is one in the last digit of a double more
        counts.append(_counted(name, in_both, in_both & (distance > allowed * (1 + 1e-9)), distance))
    return rolled_up.join(told, on=["instrument_id", "session"]).transform(_count, counts)


def _counted(name: str, is_compared: Column, is_mismatched: Column, distance: Column) -> Column:
    return F.struct(
        F.lit(name).alias("column_name"),
        F.count_if(is_compared).alias("compared"),
        F.count_if(is_mismatched).alias("mismatched"),
        F.max(distance).alias("worst"),
    ).alias(f"of_{name}")


def _count(pairs: DataFrame, counts: Iterable[Column]) -> DataFrame:
    counted = pairs.groupBy("session").agg(*counts)
    of_columns = [name for name in counted.columns if name != "session"]
    return counted.select("session", F.inline(F.array(*of_columns)))


def _no_distance() -> Column:
    return F.lit(None).cast("double")
