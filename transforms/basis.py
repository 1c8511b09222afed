"""Undoing a vendor's basis: prices that it has adjusted for splits, as they were when they were traded."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.history import PRICES
from transforms.history_schemas import EXACT

BAR_OF_DAY = ["source", "instrument_id", "session"]
DAYS = ("session", "ex_date")
RAW, SPLIT_ADJUSTED = "raw", "split_adjusted"
SAME_PRICE = 1e-6  # relative
# what a telling's numbers are in
OF_BASIS = ("basis", "split_factor")


def undo_basis(told: DataFrame, *, key: Sequence[str], splits: DataFrame, complete: DataFrame) -> DataFrame:
    """Add `split_factor` to tellings: times it a price, and divided by it a volume, is as traded.

    It is the product of the splits after the day (that of the key) that the vendor knew when it was asked, null where
    nobody has told all of them. A telling becomes several where that is learnt, or told otherwise, after it:
    `fetched_at` is then when. `splits` are versions (of SILVER_ACTIONS); `complete` are the answers that tell all
    actions of the range that they cover, be it none.
    """
    day = F.col(next(name for name in key if name in DAYS))
    of_symbol = complete.groupBy("source", "vendor_symbol").agg(
        F.collect_set(F.struct("fetched_at", "covers_from", "covers_to")).alias("covering")
    )
    # in order: their product is the same whatever they came in
    of_instrument = splits.groupBy("source", "instrument_id").agg(
        F.array_sort(F.collect_list(F.struct("ex_date", "known_from", "known_to", "ratio"))).alias("splits")
    )
    next_told = F.lead("fetched_at").over(Window.partitionBy(*key).orderBy("fetched_at"))
    with_next = told.withColumn("next_told", next_told)
    is_as_traded = (F.col("basis") == RAW) & ~F.col("is_withdrawn")
    adjusted = (
        with_next
        .where(~F.coalesce(is_as_traded, F.lit(False)))
        .join(F.broadcast(of_symbol), on=["source", "vendor_symbol"], how="left")
        .join(F.broadcast(of_instrument), on=["source", "instrument_id"], how="left")
        .withColumns({"complete_at": complete_at(day), "undone": splits_to_undo(day)})
        .withColumn("fetched_at", F.explode(moments()))
        .withColumn("split_factor", factor_at(F.col("fetched_at")))
        .select(*told.columns, "split_factor")
    )
    return told.where(is_as_traded).withColumn("split_factor", F.lit(1.0)).unionByName(adjusted)


def complete_at(day: Column) -> Column:
    """When all splits between the day and the telling were known first."""
    complete = F.filter(
        "covering",
        lambda fetch: (fetch.covers_from <= day) & (fetch.covers_to >= F.col("fetched_day")),
    )
    return F.array_min(F.transform(complete, lambda fetch: fetch.fetched_at))


def splits_to_undo(day: Column) -> Column:
    """Splits after the day that were in the prices when they were told."""
    return F.filter(
        F.coalesce("splits", F.array()),
        lambda split: (split.ex_date > day) & (split.ex_date <= F.col("fetched_day")),
    )


def moments() -> Column:
    """The telling, and until the next one each time at which what is known of its splits may have changed."""
    changes = F.concat(
        F.array("complete_at"),
        F.transform("undone", lambda split: split.known_from),
        F.transform("undone", lambda split: split.known_to),
    )
    until_next = F.filter(
        changes,
        lambda at: (at > F.col("fetched_at")) & (F.col("next_told").isNull() | (at < F.col("next_told"))),
    )
    later = F.when(F.col("is_withdrawn"), F.array().cast("array<timestamp>")).otherwise(until_next)
    return F.array_distinct(F.concat(F.array("fetched_at"), later))


def factor_at(moment: Column) -> Column:
    known = F.filter(
        "undone",
        lambda split: (split.known_from <= moment) & (split.known_to.isNull() | (split.known_to > moment)),
    )
    product = F.aggregate(known, F.lit(1.0), lambda factor, split: factor * split.ratio)
    return F.when(F.col("complete_at") <= moment, product)


def as_traded(name: str) -> Column:
    """A price or an amount as it was, null where the basis is not known."""
    exact = F.when(F.col("split_factor") == F.lit(1), F.col(name))
    return F.coalesce(exact, (F.col(name).cast("double") * F.col("split_factor")).cast(EXACT))


def volume_as_traded() -> Column:
    return F.round(F.col("volume") / F.col("split_factor")).cast("long")


def is_same_amount() -> Column:
    """Whether a dividend is what it was before, once both are as paid."""
    one, other = (F.col(f"{row}amount") * F.col(f"{row}split_factor") for row in ("", "before."))
    both_known = one.isNotNull() & other.isNotNull()
    told = F.col("amount").eqNullSafe(F.col("before.amount")) & F.col("split_factor").eqNullSafe(
        F.col("before.split_factor")
    )
    return F.when(both_known, F.abs(one - other) <= SAME_PRICE * F.abs(one)).otherwise(told)


def is_same_bar() -> Column:
    """Whether a telling says what the one before it said, once both are as traded.

    Of a source that tells raw prices every digit counts. Of one that adjusts, a price may differ by the rounding of
    one part in a million, and a volume by a share of the coarser basis.
    """
    one, other = F.col("split_factor"), F.col("before.split_factor")
    unit = F.greatest(F.lit(1.0), 1 / one, 1 / other)
    close = [
        F.abs(F.col(name) * one - F.col(f"before.{name}") * other) <= SAME_PRICE * F.abs(F.col(name) * one)
        for name in PRICES
    ]
    volume = F.col("volume").eqNullSafe(F.col("before.volume")) | (
        F.abs(F.col("volume") / one - F.col("before.volume") / other) <= unit
    )
    told = [F.col(name).eqNullSafe(F.col(f"before.{name}")) for name in (*PRICES, "volume")]
    both_known = one.isNotNull() & other.isNotNull()
    is_raw = (F.col("basis") == RAW) & (F.col("before.basis") == RAW)
    rounded = _all(*close, volume)
    return (
        F
        .when(is_raw, _all(*told))
        .when(both_known, rounded)
        .otherwise(one.isNull() & other.isNull() & _all(*told))
    )


def _all(*conditions: Column) -> Column:
    result = F.lit(True)
    for condition in conditions:
        result = result & condition
    return result
