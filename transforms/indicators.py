"""Adjusted bars to indicators, one row each: what the numbers mean stands in their comments, how in series.py."""

from collections.abc import Sequence
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from transforms.gold_schemas import GOLD_INDICATORS_1D, INDICATORS
from transforms.history_schemas import EXACT
from transforms.schemas import conform
from transforms.series_batches import add_indicators

BASIS = "split_adjusted"
# instruments are dealt out to so many tasks, each of which holds its own in memory
PARTS = 8
REVISION = "revision"
# what a row is worked out from
INPUT = ("symbol", "high", "low", "close")
KEY = ("instrument_id", "session")


def indicators_of(bars: DataFrame) -> DataFrame:
    """The rows of `GOLD_INDICATORS_1D`, without their revision, of all bars of some instruments on the basis `BASIS`.

    A bar without a close above zero is left out of the series: its row has no indicators, the next ones are as if it
    had never been. One whose high or low is missing is left out of atr_14 alone.
    """
    schema = T.StructType([field for field in GOLD_INDICATORS_1D.fields if field.name != REVISION])
    return bars.transform(with_indicators, wanted=INDICATORS, told=INPUT).transform(conform, schema=schema)


def with_indicators(bars: DataFrame, *, wanted: Sequence[str], told: Sequence[str]) -> DataFrame:
    """The key of all bars of some instruments, the columns `told`, and the `wanted` indicators."""
    kept = bars.select(*KEY, *told)
    made = T.StructType([*kept.schema.fields, *[T.StructField(name, EXACT) for name in wanted]])
    return kept.repartition(PARTS, "instrument_id").mapInArrow(partial(add_indicators, wanted=wanted), made)


def fingerprint(rows: DataFrame) -> DataFrame:
    """A number for each instrument that says what all its rows are worked out from."""
    # a null leaves the hash as it is: where it stands has to count too
    of_row = F.xxhash64(*KEY, *INPUT, *[F.isnull(name) for name in INPUT])
    return rows.groupBy("instrument_id").agg(F.count("*").alias("rows"), F.bit_xor(of_row).alias("print"))
