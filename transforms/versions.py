"""Versions: what a source told of a thing, from when until when, as a function of the set of all that it told.

A telling is a row with the thing's key and `fetched_at`. Neither the order in which tellings are loaded nor how often
matters.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F


def tell_once(tellings: DataFrame, *, key: Sequence[str], content: Sequence[str]) -> DataFrame:
    """What each fetch told of each thing: of its lines the last, and whether they were `conflicting`."""
    by_line = _of(key).orderBy("fetched_at", "object", "row")
    by_time = _of(key).orderBy("fetched_at")
    told_before = F.lag("fetched_at").over(by_line) == F.col("fetched_at")
    other = F.lag(F.struct(*content)).over(by_line) != F.struct(*content)
    return (
        tellings
        .withColumn("thing", F.xxhash64(*key))
        .withColumns({
            "differs": F.coalesce(told_before & other, F.lit(False)).cast("int"),
            "told_next": F.lead("fetched_at").over(by_line),
        })
        .withColumn("conflicts", F.sum("differs").over(by_line))
        .where(F.col("told_next").isNull() | (F.col("told_next") != F.col("fetched_at")))
        .withColumn("conflicting", F.col("conflicts") > F.lag("conflicts", 1, 0).over(by_time))
        .drop("thing", "differs", "told_next", "conflicts")
    )


def with_withdrawals(
    told: DataFrame, *, fetches: DataFrame, mentioned: DataFrame, key: Sequence[str], day: str
) -> DataFrame:
    """Add a row, `is_withdrawn`, where a fetch that covers a thing's day does not tell it any more.

    `told` has `is_withdrawn` already. `fetches` are the answers whose range is known: source, vendor_symbol,
    fetched_at, covers_from, covers_to. What a line of an answer is about is `mentioned` by it, rejected or not.
    """
    covering = fetches.groupBy("source", "vendor_symbol").agg(
        F.collect_set(F.struct("fetched_at", "covers_from", "covers_to")).alias("fetches")
    )
    things = (
        mentioned
        .join(F.broadcast(covering), on=["source", "vendor_symbol"], how="left_semi")
        .groupBy(*key, "vendor_symbol")
        .agg(
            F.collect_set("fetched_at").alias("mentioned_at"),
            F.min(F.when(F.size("violations") == 0, F.col("fetched_at"))).alias("first_told"),
        )
    )
    silent = F.filter(
        "fetches",
        lambda fetch: (
            (fetch.covers_from <= F.col(day))
            & (fetch.covers_to > F.col(day))
            & (fetch.fetched_at > F.col("first_told"))
            & ~F.array_contains("mentioned_at", fetch.fetched_at)
        ),
    )
    moments = F.array_distinct(F.transform(silent, lambda fetch: fetch.fetched_at))
    withdrawn = (
        things
        .join(F.broadcast(covering), on=["source", "vendor_symbol"])
        .select(*key, "vendor_symbol", F.explode(moments).alias("fetched_at"))
        .withColumn("is_withdrawn", F.lit(True))
    )
    return told.unionByName(withdrawn, allowMissingColumns=True)


def to_versions(
    tellings: DataFrame, *, key: Sequence[str], compared: Sequence[str], is_same: Column
) -> DataFrame:
    """One row for consecutive tellings that are the same, `known_from` the first, until `known_to`.

    `is_same` compares a telling with the struct `before`, which holds what is `compared` of the one before it. What was
    withdrawn ends, and is no row.
    """
    by_time = _of(key).orderBy("fetched_at")
    before = F.lag(F.struct("is_withdrawn", *compared)).over(by_time)
    goes_on = ~F.col("is_withdrawn") & ~F.col("before.is_withdrawn") & is_same
    return (
        tellings
        .withColumn("thing", F.xxhash64(*key))
        .withColumn("before", before)
        .where(~F.coalesce(goes_on, F.lit(False)))
        .withColumns({"known_from": F.col("fetched_at"), "known_to": F.lead("fetched_at").over(by_time)})
        .where(~F.col("is_withdrawn"))
        .drop("thing", "before", "is_withdrawn")
    )


def known_at(versions: DataFrame, moment: Column, *, since: str = "known_from") -> DataFrame:
    """The versions that held at a moment: from `since` on, until `known_to`."""
    still = F.col("known_to").isNull() | (F.col("known_to") > moment)
    return versions.where((F.col(since) <= moment) & still)


def _of(key: Sequence[str]) -> WindowSpec:
    """By the hash of the key first: it is compared in one step, while the names of most things begin alike."""
    return Window.partitionBy("thing", *key)
