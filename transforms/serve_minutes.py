"""Minute bars as they are served: of the stream's and the vendors' bars of a minute the one that is to be preferred."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.bars import Unit, in_major_unit
from transforms.basis import as_traded, volume_as_traded
from transforms.gold_schemas import GOLD_MINUTES
from transforms.history import PRICES
from transforms.history_schemas import EXACT
from transforms.schemas import conform
from transforms.serving import rank

# in the order in which they are preferred
STREAM, VENDOR, INCOMPLETE = CHOICES = ("stream", "vendor", "incomplete_stream")
NOT_SERVED = ("outside_session", "basis_unknown")
# it never traded: any other bar is preferred
INVENTED = "generated"


def serve_minutes(streamed: DataFrame, *, told: DataFrame, units: Iterable[Unit]) -> DataFrame:
    """The bars of `GOLD_MINUTES`, one a minute: the stream's where complete, else the vendor's, else the stream's.

    `streamed` are the newest bars of GOLD_BARS_1M, `told` versions of SILVER_VENDOR_BARS_1M that hold at one moment. Of
    several sources the one that comes first serves; a generated bar only where there is no other.
    """
    best_first = Window.partitionBy("instrument_id", "bar_start").orderBy(
        F.col("source") == INVENTED,
        F.array_position(F.array(*map(F.lit, CHOICES)), F.col("choice")),
        rank(),
        "source",
    )
    return (
        streamed
        .transform(from_stream)
        .unionByName(told.transform(from_vendors, units=units))
        .withColumn("place", F.row_number().over(best_first))
        .where("place = 1")
        .transform(conform, schema=GOLD_MINUTES)
    )


def from_stream(bars: DataFrame) -> DataFrame:
    is_complete = F.col("is_final") & F.col("volume_is_complete")
    return bars.withColumns({
        **{name: F.col(name).cast(EXACT) for name in PRICES},
        "choice": F.when(is_complete, F.lit(STREAM)).otherwise(F.lit(INCOMPLETE)),
        "is_backfilled": F.lit(False),
        "known_from": _none("timestamp"),
        "flags": F.array().cast("array<string>"),
        "object": _none("string"),
        "row": _none("int"),
    }).transform(conform, schema=GOLD_MINUTES)


def from_vendors(versions: DataFrame, *, units: Iterable[Unit]) -> DataFrame:
    return (
        versions
        .where(~F.arrays_overlap("flags", F.array(*map(F.lit, NOT_SERVED))))
        .withColumns({name: as_traded(name) for name in PRICES} | {"volume": volume_as_traded()})
        .transform(in_major_unit, units=units, prices=PRICES, exact=EXACT)
        .withColumns({"choice": F.lit(VENDOR), "volume_is_complete": F.lit(True)})
        .transform(conform, schema=GOLD_MINUTES)
    )


def _none(kind: str) -> Column:
    return F.lit(None).cast(kind)
