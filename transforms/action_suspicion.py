"""Actions beside the prices of the days around them to names of what is suspicious in them; nothing is mended."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.action_signs import ACTION_SIGNS
from transforms.rules import broken_rules
from transforms.suspicion import with_level
from transforms.suspicion_rules import ACTION_NEAR, ACTION_SUSPICIONS, ADJUSTMENT_SUSPICIONS, holding

ACTION = ["instrument_id", "ex_date", "kind"]


def flag_actions(actions: DataFrame, *, bars: DataFrame) -> DataFrame:
    """Add to the `flags` of all actions of GOLD_ACTIONS what is suspicious about them beside `bars`, raw as traded.

    A vendor's `adj_close` is looked at where `bars` have it.
    """
    near = F.sequence(F.date_sub("ex_date", ACTION_NEAR), F.date_add("ex_date", ACTION_NEAR))
    days = actions.select(*ACTION, F.explode(near).alias("session"))
    adjusted = F.col("adj_close") if "adj_close" in bars.columns else F.lit(None)
    part = F.try_divide(adjusted.cast("double"), F.col("close").cast("double"))
    row = F.struct("session", "level", "shares", part.alias("part"))
    beside = (
        bars
        .join(F.broadcast(days), on=["instrument_id", "session"])
        .transform(with_level, actions=actions)
        .where("level IS NOT NULL")
        .groupBy(*ACTION)
        .agg(
            F.array_sort(F.collect_list(row)).alias("rows"),
            F.any_value("paid").alias("paid"),
        )
    )
    signed = actions.join(beside, on=ACTION, how="left")
    for signs in ACTION_SIGNS:
        signed = signed.withColumns({name: F.expr(sign) for name, sign in signs.items()})
    flags = F.concat("flags", broken_rules(holding(ACTION_SUSPICIONS | ADJUSTMENT_SUSPICIONS)))
    return signed.withColumn("flags", flags).select(*actions.columns)
