"""Sources that disagree on a day: beyond which tolerance, how much, and which of them serves."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.bars import Unit
from transforms.check_schemas import GOLD_DISCREPANCIES
from transforms.history import PRICES
from transforms.history_schemas import EXACT
from transforms.parity import ENOUGH
from transforms.rollup import as_one_bar
from transforms.schemas import conform
from transforms.serving import BAR, choose_source, disagree, on_one_basis, rank

# the larger of a share of the price and a cent; a share of the volume
PRICE_SHARE, CENT, VOLUME_SHARE = 0.001, 0.01, 0.05
# of minutes against a day: half a cent of rounding, and the closing auction, which no minute holds
MINUTES_APART = {"open": 0.005, "high": 0.005, "low": 0.005, "close": 0.44}
OF_MINUTES = " 1m"
FIELDS = (*PRICES, "volume")
# Spark would take a table of millions for small, by its compressed size, and broadcast it
AS_LARGE = "merge"
WARN, FAIL = "warn", "fail"


def find_discrepancies(
    known: DataFrame, *, since: DataFrame, minutes: DataFrame, units: Iterable[Unit]
) -> DataFrame:
    """The rows of `GOLD_DISCREPANCIES`, of versions of daily bars that hold at one moment.

    `since` are the first sessions that each source told of: source, instrument_id, first_session. `minutes` are the
    regular session's, as versions that hold too, with how many minutes of it were `expected`.
    """
    days = known.transform(on_one_basis, units=units).withColumn("is_of_minutes", F.lit(False))
    rolled = (
        minutes
        .transform(on_one_basis, units=units)
        .groupBy("source", *BAR)
        .agg(*as_one_bar(), F.count("*").alias("minutes"), F.any_value("expected").alias("expected"))
        # what was fetched at noon is no day
        .where(F.col("minutes") >= F.col("expected") * ENOUGH)
        .withColumn("is_of_minutes", F.lit(True))
    )
    columns = ["source", *BAR, *FIELDS, "is_of_minutes"]
    serving = days.transform(choose_source, key=BAR, compared=PRICES).select(
        *BAR, F.col("source").alias("serves"), F.col("close").alias("served_close")
    )
    compared = days.select(*columns).unionByName(rolled.select(*columns)).transform(compare_sources)
    missed = serving.transform(missing_sessions, known=known, since=since)
    # minutes are compared with what is served, and with no other day
    is_wanted = (F.col("source") == F.col("serves")) | ~F.col("other_source").endswith(OF_MINUTES)
    return (
        compared
        .join(serving.drop("served_close").hint(AS_LARGE), on=list(BAR))
        .where(is_wanted)
        .unionByName(missed)
        .transform(conform, schema=GOLD_DISCREPANCIES)
    )


def compare_sources(bars: DataFrame) -> DataFrame:
    """A row for each field in which two bars of a key differ beyond what they may."""
    of_key = Window.partitionBy(*BAR)
    # most sessions of most instruments have one source alone
    bars = bars.withColumn("told", F.count("*").over(of_key)).where("told > 1").drop("told")
    one = bars.where("NOT is_of_minutes").select(*BAR, F.struct("*", rank().alias("rank")).alias("one"))
    other = bars.select(*BAR, F.struct("*", rank().alias("rank")).alias("other"))
    comes_first = F.struct("one.is_of_minutes", "one.rank", "one.source") < F.struct(
        "other.is_of_minutes", "other.rank", "other.source"
    )
    told_as = F.when(F.col("other.is_of_minutes"), F.lit(OF_MINUTES)).otherwise(F.lit(""))
    fields = F.array(*[_field(name) for name in FIELDS])
    lowest, highest = F.least("value", "other_value"), F.greatest("value", "other_value")
    apart = highest.cast("double") - lowest.cast("double")
    is_failure = (F.col("field") != "volume") & disagree(lowest, highest)
    return (
        one
        .join(other, on=list(BAR))
        .where(comes_first)
        .select(
            *BAR,
            F.col("one.source").alias("source"),
            F.concat("other.source", told_as).alias("other_source"),
            F.col("other.is_of_minutes").alias("is_of_minutes"),
            F.inline(fields),
        )
        # what is told in whole cents is not a cent apart by the error of a double; a cent may be half of a price
        .where((F.round(apart, 9) > F.col("tolerance")) | (is_failure & ~F.col("is_of_minutes")))
        .withColumns({
            "difference": F.try_divide(apart, lowest.cast("double")),
            "severity": F.when(is_failure, FAIL).otherwise(WARN),
        })
        .drop("tolerance", "is_of_minutes")
    )


def missing_sessions(serving: DataFrame, *, known: DataFrame, since: DataFrame) -> DataFrame:
    """The sessions that a source lacks which comes before the one that serves them, from its first on."""
    comes_first = F.struct("rank", "source") < F.struct(rank("serves"), "serves")
    return (
        serving
        .join(F.broadcast(since.withColumn("rank", rank())), on="instrument_id")
        .where(comes_first & (F.col("first_session") <= F.col("session")))
        .join(known.select("source", *BAR).distinct().hint(AS_LARGE), on=["source", *BAR], how="left_anti")
        .select(
            *BAR,
            "source",
            F.col("serves").alias("other_source"),
            F.lit("session").alias("field"),
            F.lit(None).cast(EXACT).alias("value"),
            F.col("served_close").cast(EXACT).alias("other_value"),
            F.lit(None).cast("double").alias("difference"),
            F.lit(WARN).alias("severity"),
            "serves",
        )
    )


def _field(name: str) -> Column:
    """A field of the two, with how far apart its values may be; null where they are not compared."""
    one, other = F.col(f"one.{name}"), F.col(f"other.{name}")
    lowest = F.least(one, other).cast("double")
    if name == "volume":
        # the auctions, which are a large part of it, are in no minute
        tolerance = F.when(~F.col("other.is_of_minutes"), lowest * VOLUME_SHARE)
    else:
        of_days = F.greatest(lowest * PRICE_SHARE, F.lit(CENT))
        tolerance = F.when(F.col("other.is_of_minutes"), F.lit(MINUTES_APART[name])).otherwise(of_days)
    return F.struct(
        F.lit(name).alias("field"),
        F.when(one.isNotNull() & other.isNotNull(), one).cast(EXACT).alias("value"),
        other.cast(EXACT).alias("other_value"),
        tolerance.alias("tolerance"),
    )
