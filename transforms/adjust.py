"""Adjusted prices: raw bars and actions to the four bases, whatever the day as of which both are known.

Walking back from the last day, f[t-1] = f[t] * d[t] / s[t] for an action on day t: s is a split's ratio, and d what a
dividend D leaves of the price, 1 - D / C[t-1] as Yahoo has it, or C[t] s[t] / (C[t] s[t] + D) as CRSP and WIKI have it.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.gold_schemas import GOLD_ADJUSTED_BARS_1D, PRICES
from transforms.history_schemas import EXACT
from transforms.schemas import conform

BASES = ("raw", "split_adjusted", "total_return_yahoo", "total_return_crsp")
# so many days from an action the closes are that it is compared with
NEAR = 10
STEPS = ("shares", "yahoo", "crsp")


def adjust_bars(
    bars: DataFrame, *, actions: DataFrame, closes: DataFrame | None = None, bases: Sequence[str] = BASES
) -> DataFrame:
    """The rows of `GOLD_ADJUSTED_BARS_1D`, one on each of the `bases` for each of `bars` (GOLD_BARS_1D).

    `actions` are all of GOLD_ACTIONS; `closes` the bars that those are compared with, where `bars` are not all.
    """
    factors = {
        "raw": F.lit(1.0),
        "split_adjusted": 1 / F.col("shares"),
        "total_return_yahoo": F.col("yahoo") / F.col("shares"),
        "total_return_crsp": F.col("crsp") / F.col("shares"),
    }
    each = F.array(*[
        F.struct(
            F.lit(basis).alias("basis"),
            factors[basis].alias("factor"),
            (F.lit(1.0) if basis == "raw" else F.col("shares")).alias("volume_factor"),
        )
        for basis in bases
    ])
    return (
        bars
        .transform(with_steps, steps=actions.transform(steps_of, bars=bars if closes is None else closes))
        .select("*", F.inline(each))
        .withColumns({name: scaled(name) for name in PRICES})
        .withColumn("volume", F.round(F.col("volume") * F.col("volume_factor")).cast("long"))
        .transform(conform, schema=GOLD_ADJUSTED_BARS_1D)
    )


def scaled(name: str) -> Column:
    """A price times its factor, worked out in double; as it stands where nothing is to be done."""
    product = (F.col(name).cast("double") * F.col("factor")).cast(EXACT)
    return F.when(F.col("factor") == F.lit(1), F.col(name)).otherwise(product)


def with_steps(bars: DataFrame, *, steps: DataFrame) -> DataFrame:
    """Add to each bar the products over all `steps` after its session, the columns `STEPS`; 1 where there are none."""
    # few beside the bars: so no bar has to leave its place
    products = F.broadcast(
        steps.transform(accumulate).select(F.col("instrument_id").alias("of"), "since", "day", *STEPS)
    )
    session = F.col("session")
    is_next = (session < F.col("day")) & (F.col("since").isNull() | (session >= F.col("since")))
    return bars.join(products, on=(F.col("instrument_id") == F.col("of")) & is_next, how="left").select(
        *bars.columns, *[F.coalesce(name, F.lit(1.0)).alias(name) for name in STEPS]
    )


def steps_of(actions: DataFrame, *, bars: DataFrame) -> DataFrame:
    """What each day with actions does to the days before it: instrument_id, `day`, and the factors `STEPS`.

    A dividend is compared with the last close before its day and the first one from it on. One that has none near
    leaves all bars as they are to each other.
    """
    by_day = actions.groupBy("instrument_id", F.col("ex_date").alias("day")).agg(
        F.coalesce(F.product("ratio"), F.lit(1.0)).alias("shares"),
        F.coalesce(F.sum("amount"), F.lit(0)).cast("double").alias("paid"),
    )
    days = by_day.select(F.col("instrument_id").alias("of"), "day")
    is_near = F.abs(F.datediff("session", "day")) <= NEAR
    close, is_before = F.col("close").cast("double"), F.col("session") < F.col("day")
    # asked of the few bars that are near, not of all
    is_told = F.col("close") > 0
    closes = (
        bars
        .select("instrument_id", "session", "close")
        .join(F.broadcast(days), on=(F.col("instrument_id") == F.col("of")) & is_near, how="inner")
        .groupBy("instrument_id", "day")
        .agg(
            F.max_by(close, F.when(is_told & is_before, F.col("session"))).alias("close_before"),
            F.min_by(close, F.when(is_told & ~is_before, F.col("session"))).alias("close"),
        )
    )
    whole = F.col("close") * F.col("shares")
    yahoo = 1 - F.try_divide("paid", "close_before")
    crsp = F.try_divide(whole, whole + F.col("paid"))
    return by_day.join(closes, on=["instrument_id", "day"], how="left").select(
        "instrument_id",
        "day",
        "shares",
        # a dividend of more than the price leaves nothing that could be scaled: it is none
        *[
            F.coalesce(F.when(step > 0, step), F.lit(1.0)).alias(name)
            for name, step in (("yahoo", yahoo), ("crsp", crsp))
        ],
    )


def accumulate(steps: DataFrame) -> DataFrame:
    """The products over each day with actions and all later ones, multiplied one by one: a ratio stays exact.

    `since` is the day with actions before.
    """
    later = Window.partitionBy("instrument_id").orderBy(F.desc("day"))

    def product(name: str) -> Column:
        each = F.collect_list(name).over(later)
        return F.aggregate(each, F.lit(1.0), lambda total, step: total * step)

    return steps.withColumns({name: product(name) for name in STEPS} | {"since": F.lead("day").over(later)})
