"""Expected minus received: of what is followed, the days and the regular session's minutes that nobody told.

A unit is a day or a minute. Which are expected follows from the instruments file and the exchange's calendar alone.
"""

from typing import NamedTuple

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.answers import DAY, INSTRUMENT, MINUTE
from transforms.check_schemas import GOLD_GAPS
from transforms.schemas import conform

STREAM, DAYS, MINUTES = "stream", "1d", "1m"
# their quotes say no time: one a session is expected, and no minute
UNTIMED = ("alpha_vantage",)
# the shortest pause of trading of the American exchanges
HALT_MINUTES = 5
# a liquid one has a bar in this share of the minutes in which its stream was alive, which tell it if they are as many:
# any share has a bar in the minute of the opening auction
LIQUID, ENOUGH = 0.5, 30
PIECE = (*INSTRUMENT, "width", "dataset", "session", "opens")


class Told(NamedTuple):
    """What was received. `days` and `untimed` have a session, `minutes` and `streamed` a bar_start, beside INSTRUMENT.

    `days` are of silver.bars_1d, `minutes` vendors' bars, `streamed` bars of the stream, of all its instruments, and
    `untimed` quotes that say only their session. `answers` are as `answers_of` gives them, `refused` as `refused_of`.
    """

    days: DataFrame
    minutes: DataFrame
    streamed: DataFrame
    untimed: DataFrame
    answers: DataFrame
    refused: DataFrame


def expect_sessions(followed: DataFrame, *, hours: DataFrame) -> DataFrame:
    """The stretches of time in which units are expected, from `opens` to `closes`: of a day one, of minutes each part.

    `followed` has INSTRUMENT, dataset, calendar, followed_from and followed_to (exclusive); `hours` the parts of each
    session: calendar, session, opens, closes.
    """
    is_daily = (F.col("dataset") == DAYS) | ((F.col("dataset") == STREAM) & F.col("source").isin(*UNTIMED))
    is_followed = (F.col("session") >= F.col("followed_from")) & (F.col("session") < F.col("followed_to"))
    parts = (
        hours
        .join(F.broadcast(followed), on="calendar")
        .where(is_followed)
        .select(*INSTRUMENT, "dataset", "session", "opens", "closes")
        .distinct()
        .withColumn("width", F.when(is_daily, DAY).otherwise(MINUTE))
    )
    whole = Window.partitionBy(*INSTRUMENT, "dataset", "session")
    first, last = F.min("opens").over(whole), F.max("closes").over(whole)
    by_minute = parts.where(F.col("width") == MINUTE)
    by_day = parts.where(F.col("width") == DAY).withColumns({"opens": first, "closes": last}).distinct()
    return by_minute.unionByName(by_day)


def find_gaps(expected: DataFrame, *, told: Told) -> DataFrame:
    """The rows of `GOLD_GAPS`: a day each, and consecutive minutes of one cause together.

    `expected` is as `expect_sessions` gives it.
    """
    minutes = expected.where(F.col("width") == MINUTE).transform(explode_minutes)
    of_vendor = minutes.where(F.col("dataset") == MINUTES).transform(missing_minutes, told=told)
    of_stream = minutes.where(F.col("dataset") == STREAM).transform(silent_minutes, told=told)
    merged = of_vendor.transform(merge_minutes).unionByName(
        of_stream.transform(merge_minutes).transform(tell_halts)
    )
    missing = expected.where(F.col("width") == DAY).transform(missing_days, told=told)
    return (
        missing
        .unionByName(merged.select(missing.columns))
        .transform(with_state, told=told)
        .transform(conform, schema=GOLD_GAPS)
    )


def missing_days(days: DataFrame, *, told: Told) -> DataFrame:
    """The days that were not told, a gap each; of a stream's, what its history holds fills them."""
    kept = told.days.select(*INSTRUMENT, "session").distinct()
    received = kept.withColumn("dataset", F.lit(DAYS)).unionByName(
        told.untimed.select(*INSTRUMENT, "session").distinct().withColumn("dataset", F.lit(STREAM))
    )
    alive = told.untimed.select("source", "session", F.lit(True).alias("is_alive")).distinct()
    return (
        days
        .join(received, on=[*INSTRUMENT, "session", "dataset"], how="left_anti")
        .join(alive, on=["source", "session"], how="left")
        .join(kept.withColumn("filled", F.lit(1)), on=[*INSTRUMENT, "session"], how="left")
        .select(
            *[*INSTRUMENT, "width", "dataset", "session"],
            F.col("opens").alias("gap_start"),
            F.col("closes").alias("gap_end"),
            # one that is asked for by itself says nothing of another: that may not have been asked for
            F.when((F.col("dataset") == STREAM) & F.col("is_alive").isNull(), F.lit("feed_down")).alias(
                "cause"
            ),
            F.lit(1).alias("units"),
            F.coalesce("filled", F.lit(0)).alias("filled"),
        )
    )


def explode_minutes(pieces: DataFrame) -> DataFrame:
    """Each minute from `opens` to `closes`, and its `number`."""
    step = F.expr("INTERVAL 1 MINUTE")
    every = F.sequence(F.col("opens"), F.col("closes") - step, step)
    return pieces.select(*PIECE, F.posexplode(every).alias("number", "minute"))


def missing_minutes(minutes: DataFrame, *, told: Told) -> DataFrame:
    """The minutes of a vendor's history that it has not told; why is known from its answers."""
    received = told.minutes.select(*INSTRUMENT, F.col("bar_start").alias("minute"))
    unknown = F.lit(None).cast("long")
    return minutes.join(received, on=[*INSTRUMENT, "minute"], how="left_anti").withColumns({
        "cause": F.lit(None).cast("string"),
        "is_filled": F.lit(False),
        **dict.fromkeys(BESIDE, unknown),
    })


# of a minute of a stream: in how many of its session before it there was a bar, and the stream was alive, and in all
BESIDE = ("bars_before", "alive_before", "bars_in_all", "alive_in_all")


def silent_minutes(minutes: DataFrame, *, told: Told) -> DataFrame:
    """The minutes without a bar of the stream, why, whether vendors have them, and `BESIDE`."""
    of_session = Window.partitionBy(*INSTRUMENT, "session")
    before = of_session.orderBy("minute").rowsBetween(Window.unboundedPreceding, -1)
    has_bar, is_alive = (F.count_if(F.coalesce(flag, F.lit(False))) for flag in ("has_bar", "is_alive"))
    yes = F.lit(True)
    bars = told.streamed.select(*INSTRUMENT, F.col("bar_start").alias("minute"), yes.alias("has_bar"))
    alive = told.streamed.select(
        "source", F.col("bar_start").alias("minute"), yes.alias("is_alive")
    ).distinct()
    # of any vendor: what is wanted is that the minute is known
    filled = told.minutes.select("instrument_id", F.col("bar_start").alias("minute"), yes.alias("is_filled"))
    return (
        minutes
        .join(bars, on=[*INSTRUMENT, "minute"], how="left")
        .join(alive, on=["source", "minute"], how="left")
        .withColumns({
            "bars_before": has_bar.over(before),
            "alive_before": is_alive.over(before),
            "bars_in_all": has_bar.over(of_session),
            "alive_in_all": is_alive.over(of_session),
        })
        .where("has_bar IS NULL")
        .join(filled.distinct(), on=["instrument_id", "minute"], how="left")
        .withColumns({"cause": alive_or_down(), "is_filled": F.coalesce("is_filled", F.lit(False))})
    )


def alive_or_down() -> Column:
    return F.when(F.col("is_alive"), F.lit("no_trade")).otherwise(F.lit("feed_down"))


def merge_minutes(missing: DataFrame) -> DataFrame:
    """One row for consecutive minutes of one cause, with what is `BESIDE` its first."""
    in_order = Window.partitionBy(*PIECE, "cause").orderBy("number")
    return (
        missing
        .withColumn("run", F.col("number") - F.row_number().over(in_order))
        .groupBy(*PIECE, "cause", "run")
        .agg(
            F.min("minute").alias("gap_start"),
            (F.max("minute") + F.expr("INTERVAL 1 MINUTE")).alias("gap_end"),
            F.count("*").cast("int").alias("units"),
            F.count_if("is_filled").cast("int").alias("filled"),
            *[F.min_by(name, "minute").alias(name) for name in BESIDE],
        )
    )


def tell_halts(gaps: DataFrame) -> DataFrame:
    """Call it a halt where one that is liquid had no bar for long while its stream was alive.

    Whether it is liquid is told by the minutes of the session before, and by all others where those are few. One
    without a single bar may be either, or its subscription was lost: it is a halt until a vendor has been asked.
    """
    others = F.col("alive_in_all") - F.col("units")
    shares = [
        F.when(alive >= ENOUGH, bars / alive)
        for bars, alive in ((F.col("bars_before"), F.col("alive_before")), (F.col("bars_in_all"), others))
    ]
    share = F.coalesce(*shares, F.lit(0.0))
    is_liquid = (share >= LIQUID) | (F.col("bars_in_all") == 0)
    is_halt = (F.col("cause") == "no_trade") & (F.col("units") >= HALT_MINUTES) & is_liquid
    return gaps.withColumn("cause", F.when(is_halt, F.lit("halt")).otherwise(F.col("cause")))


def with_state(gaps: DataFrame, *, told: Told) -> DataFrame:
    """Add the `state` of the fill, and the cause where only the answers tell it."""
    refused = told.refused.withColumn("is_refused", F.lit(True))
    covering = told.answers.groupBy(*INSTRUMENT, "width").agg(
        F.collect_set(F.struct("covers_from", "covers_to")).alias("covering")
    )
    is_answered = F.exists(
        "covering",
        lambda span: (span.covers_from <= F.col("session")) & (span.covers_to > F.col("session")),
    )
    answered_for = F.coalesce(is_answered, F.lit(False)) & F.col("is_refused").isNull()
    of_history = F.when(answered_for, F.lit("no_trade")).otherwise(F.lit("not_fetched"))
    is_quiet = (F.col("dataset") == STREAM) & (F.col("cause") == "no_trade")
    state = (
        F
        .when(F.col("filled") == F.col("units"), F.lit("filled"))
        .when(answered_for & (F.col("filled") > 0), F.lit("filled"))
        .when(answered_for, F.lit("answered"))
        .when(is_quiet, F.lit("not_wanted"))
        .otherwise(F.lit("open"))
    )
    return (
        gaps
        .join(F.broadcast(covering), on=[*INSTRUMENT, "width"], how="left")
        .join(F.broadcast(refused), on=[*INSTRUMENT, "width", "session"], how="left")
        .withColumns({"cause": F.coalesce("cause", of_history), "state": state})
    )
