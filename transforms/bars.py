"""Quotes to one-minute bars, the same for a batch of the stream and for a day of history."""

from collections.abc import Iterable
from datetime import date
from functools import reduce
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import DataType

from transforms.quotes import SEGMENT
from transforms.schemas import PRICE


class Unit(NamedTuple):
    """A vendor's unit of price that is 1/`factor` of an ISO major unit, from a session on."""

    unit: str
    major: str
    factor: int
    valid_from: date


def sequence_quotes(quotes: DataFrame, *, seeds: DataFrame) -> DataFrame:
    """Bring `quotes` into the order of their segment, and add what each tells of the volume.

    Adds `is_repeat` (an equal event_id came before), `position`, `high_before` and `day_volume_high` (the running
    maximum of day_volume without and with this quote, null = unknown) and `traded` (its rise). `seeds` holds the
    maximum before the first of these quotes, a row per segment where one is known. `is_stored` tells quotes that silver
    holds already.
    """
    in_order = Window.partitionBy(*SEGMENT).orderBy(
        "event_time", F.asc_nulls_first("day_volume"), "event_id", F.desc("is_stored"), "partition", "offset"
    )
    before = F.max("day_volume").over(in_order.rowsBetween(Window.unboundedPreceding, -1))
    rise = F.col("day_volume") - F.col("high_before")
    return (
        quotes
        .join(F.broadcast(seeds), on=SEGMENT, how="left")
        .withColumn(
            "is_repeat", F.coalesce(F.lag("event_id").over(in_order) == F.col("event_id"), F.lit(False))
        )
        .withColumn("position", F.row_number().over(in_order))
        .withColumn("high_before", F.greatest(before, F.col("seed")))
        .withColumn("traded", F.greatest(F.coalesce(rise, F.lit(0)), F.lit(0)))
        .withColumn("day_volume_high", F.greatest("high_before", "day_volume"))
    )


def aggregate_bars(sequenced: DataFrame, *, units: Iterable[Unit] = ()) -> DataFrame:
    """Aggregate sequenced quotes into bars; a minute without a quote has none, and a quote without a time no minute.

    Prices leave the vendor's unit here: they are divided by the factor of `units` that held on the session.
    """
    complete = F.col("high_before").isNotNull() & F.coalesce(
        F.col("day_volume") >= F.col("high_before"), F.lit(True)
    )
    return (
        sequenced
        .where(~F.col("is_repeat") & F.col("bar_start").isNotNull())
        .transform(in_major_unit, units=units)
        .groupBy(*SEGMENT, "bar_start")
        .agg(
            *[F.max_by(name, "position").alias(name) for name in ("symbol", "mic", "currency")],
            F.min_by("price", "position").alias("open"),
            F.max("price").alias("high"),
            F.min("price").alias("low"),
            F.max_by("price", "position").alias("close"),
            F.sum("traded").alias("volume"),
            F.sum(micros("price") * F.col("traded")).alias("turnover_micros"),
            F.count("*").alias("quote_count"),
            F.every(complete).alias("volume_is_complete"),
            F.max("day_volume_high").alias("day_volume_high"),
        )
        .withColumn("vwap", vwap("turnover_micros", "volume"))
    )


def in_major_unit(
    rows: DataFrame,
    *,
    units: Iterable[Unit],
    prices: Iterable[str] = ("price",),
    exact: DataType = PRICE,
) -> DataFrame:
    """Divide prices that are in a part of a currency (GBp) and name the ISO major unit (GBP)."""

    def either(otherwise: Column, unit: Unit, then: Column) -> Column:
        holds = (F.col("currency") == unit.unit) & (F.col("session") >= F.lit(unit.valid_from))
        return F.when(holds, then).otherwise(otherwise)

    by_date = sorted(units, key=lambda unit: unit.valid_from)

    def divided(name: str) -> Column:
        return reduce(
            lambda c, u: either(c, u, (F.col(name) / F.lit(u.factor)).cast(exact)), by_date, F.col(name)
        )

    currency = reduce(lambda c, u: either(c, u, F.lit(u.major)), by_date, F.col("currency"))
    return rows.withColumns({name: divided(name) for name in prices} | {"currency": currency})


def vwap(turnover_micros: str, volume: str) -> Column:
    """turnover / volume, rounded half up to 6 decimals in whole numbers; null where nothing traded."""
    # a volume may be as large as a long: twice of it is not one
    shares = f"cast({volume} AS DECIMAL(20, 0))"
    rounded = F.expr(f"if({volume} > 0, ({turnover_micros} * 2 + {shares}) div ({shares} * 2), null)")
    return (rounded.cast("decimal(20, 0)") * F.lit("0.000001").cast("decimal(7, 6)")).cast(PRICE)


def micros(price: str) -> Column:
    """A price as a whole number of millionths."""
    return (F.col(price) * F.lit(1_000_000)).cast("decimal(24, 0)")
