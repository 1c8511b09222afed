"""Bars among their neighbours to names of what is suspicious in them; nothing is mended.

The flags of a bar follow from the bars of its instrument within `NEAR_DAYS` of it, and from its actions.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.rules import broken_rules
from transforms.suspicion_rules import (
    ADJUSTED_SUSPICIONS,
    BAR_SUSPICIONS,
    BELIEVED,
    NEAR_DAYS,
    NEIGHBOURS,
    QUIET,
    holding,
)
from transforms.suspicion_signs import HAS_SPLIT_NEAR, SIGNS, STALE, USUAL_VOLUME

POINT = ("session", "level")


def flag_bars(bars: DataFrame, *, actions: DataFrame) -> DataFrame:
    """Add to the `flags` of bars, raw as traded, what is suspicious about them, in the rules' order.

    `actions` are all of GOLD_ACTIONS. A vendor's `adj_close` is looked at where `bars` have it. Of another width than a
    day `session` is any day that counts its rows.
    """
    rules = BAR_SUSPICIONS | (ADJUSTED_SUSPICIONS if "adj_close" in bars.columns else {})
    return (
        bars
        .transform(with_level, actions=actions)
        .transform(with_neighbours)
        .transform(with_signs)
        .withColumn("flags", F.concat("flags", broken_rules(holding(rules))))
        .select(*bars.columns)
    )


def with_level(bars: DataFrame, *, actions: DataFrame) -> DataFrame:
    """Add `level`, the close's logarithm as if no share had ever been split, null where the close is not positive.

    And `splits` and `paid`, the instrument's actions in order.
    """
    is_split = F.col("kind") == "split"
    step = F.when(is_split, F.log("ratio")).otherwise(F.col("amount").cast("double"))
    told = F.struct(F.col("ex_date").alias("day"), step.alias("step"))
    of_instrument = actions.groupBy("instrument_id").agg(
        F.array_sort(F.collect_list(F.when(is_split, told))).alias("splits"),
        F.array_sort(F.collect_list(F.when(~is_split, told))).alias("paid"),
    )
    shares = F.expr("aggregate(filter(splits, s -> s.day <= session), 0D, (sum, s) -> sum + s.step)")
    return bars.join(F.broadcast(of_instrument), on="instrument_id", how="left").withColumns({
        "shares": F.when(F.size("splits") > 0, shares).otherwise(F.lit(0.0)),
        "level": F.log(F.col("close").cast("double")) + F.col("shares"),
    })


def with_neighbours(bars: DataFrame) -> DataFrame:
    """Add the levels `before`, nearest first, and `after`, with their days: null where all near are alike.

    And whether a bar `is_stale`, the `usual_volume` before it, and when the session before was.
    """
    in_order = Window.partitionBy("instrument_id").orderBy("session")
    offsets = range(1, NEIGHBOURS + 1)
    # an odd bar stands out from the one before it
    move = F.col("level") - F.lag("level").over(in_order)
    is_event = F.coalesce(F.abs(move) >= QUIET, F.lit(True)).cast("int")
    around = in_order.rowsBetween(-NEIGHBOURS, NEIGHBOURS)
    # where all are alike nothing follows from them, but beside a split
    is_asked = (F.col("events") > 0) | F.expr(HAS_SPLIT_NEAR)
    return (
        bars
        .withColumns({"print": F.xxhash64("open", "high", "low", "close", "volume"), "is_event": is_event})
        .withColumns({
            **{f"{name}{n}": F.lag(name, n).over(in_order) for name in POINT for n in offsets},
            **{f"{name}_{n}": F.lead(name, n).over(in_order) for name in POINT for n in offsets},
            **{f"volume{n}": F.lag("volume", n).over(in_order) for n in range(1, BELIEVED + 1)},
            **{f"print{n}": F.lag("print", n).over(in_order) for n in (1, 2)},
            "events": F.max("is_event").over(around),
        })
        .withColumns({
            "before": F.when(is_asked, F.transform(_points("{}{}"), lambda each: each.level)),
            "after": F.when(is_asked, _points("{}_{}")),
            "day_before": F.when(F.col("session1") >= F.date_sub("session", NEAR_DAYS), F.col("session1")),
            "is_stale": F.expr(STALE),
            "usual_volume": F.expr(USUAL_VOLUME),
        })
    )


def _points(names: str) -> Column:
    """Day and level of the neighbours in one direction that are near and have a level, nearest first."""
    points = [
        F.struct(*[F.col(names.format(name, n)).alias(name) for name in POINT])
        for n in range(1, NEIGHBOURS + 1)
    ]
    return F.filter(
        F.array(*points),
        lambda each: each.level.isNotNull() & (F.abs(F.datediff(each.session, "session")) <= NEAR_DAYS),
    )


def with_signs(bars: DataFrame) -> DataFrame:
    """Add what the rules ask for; null where too little is known."""
    for signs in SIGNS:
        bars = bars.withColumns({name: F.expr(sign) for name, sign in signs.items()})
    return bars
