"""Minute bars to the bar of their day."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def keep_regular(minutes: DataFrame, *, hours: DataFrame) -> DataFrame:
    """Keep the minutes between the open and the close, and add these; `hours` is GOLD_SESSIONS."""
    of_day = hours.select("mic", "session", "session_open", "session_close")
    is_regular = (F.col("bar_start") >= F.col("session_open")) & (F.col("bar_start") < F.col("session_close"))
    return minutes.join(F.broadcast(of_day), on=["mic", "session"]).where(is_regular)


def roll_up(regular: DataFrame) -> DataFrame:
    """One bar for each instrument and session, with the number of `minutes` in it and how many were `expected`.

    A pause at noon is not left out of what was expected.
    """
    seconds = F.unix_timestamp("session_close") - F.unix_timestamp("session_open")
    return regular.groupBy("instrument_id", "session").agg(
        *as_one_bar(),
        F.count("*").alias("minutes"),
        F.any_value(F.floor(seconds / 60)).alias("expected"),
    )


def as_one_bar() -> list[Column]:
    """The prices and the volume of a group of minutes."""
    return [
        F.min_by("open", "bar_start").alias("open"),
        F.max("high").alias("high"),
        F.min("low").alias("low"),
        F.max_by("close", "bar_start").alias("close"),
        F.sum("volume").alias("volume"),
    ]
