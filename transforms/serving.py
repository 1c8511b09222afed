"""Versions to what is served: of several sources the one that comes first, as traded, in its currency's major unit."""

from collections.abc import Iterable, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.action_suspicion import flag_actions
from transforms.bars import Unit, in_major_unit
from transforms.basis import as_traded, volume_as_traded
from transforms.gold_schemas import GOLD_ACTIONS, GOLD_BARS_1D
from transforms.history import PRICES
from transforms.history_schemas import EXACT
from transforms.schemas import conform
from transforms.suspicion import flag_bars
from transforms.suspicion_rules import ACTION_SUSPICIONS

# whose word counts first; any other source comes after these, by its name
SERVES_FIRST = ("alpha_vantage", "yahoo")
# a bar that breaks one of these is not served, or not with confidence
NOT_SERVED = ("closed_day", "basis_unknown")
DOUBTFUL = (
    *("conflicting_rows", "high_below_low", "outside_high_and_low", "price_zero", "identity_clash"),
    # the number itself is most likely wrong, or the action that explains it is missing; most jumps are real, and what
    # was hardly traded is no worse known for that
    *("unit_error", "partly_adjusted", "missed_split"),
    *ACTION_SUSPICIONS,
)
# within which two sources agree on a price, relative
AGREEMENT = 0.01
BAR, ACTION = ("instrument_id", "session"), ("instrument_id", "ex_date", "kind")


def serve_daily(known: DataFrame, *, units: Iterable[Unit]) -> DataFrame:
    """The daily bars of `GOLD_BARS_1D`, of versions that hold at one moment."""
    return (
        known
        .transform(on_one_basis, units=units)
        .transform(choose_source, key=BAR, compared=PRICES)
        .transform(conform, schema=GOLD_BARS_1D)
    )


def on_one_basis(known: DataFrame, *, units: Iterable[Unit]) -> DataFrame:
    """The bars that can be served: as traded, in the major unit of their currency."""
    return (
        known
        .where(~F.arrays_overlap("flags", F.array(*map(F.lit, NOT_SERVED))))
        .withColumns({name: as_traded(name) for name in PRICES} | {"volume": volume_as_traded()})
        .transform(in_major_unit, units=units, prices=PRICES, exact=EXACT)
    )


def serve_actions(known: DataFrame, *, units: Iterable[Unit]) -> DataFrame:
    """The actions of `GOLD_ACTIONS`, of versions that hold at one moment: amounts as paid.

    All of an instrument's are those of one source: two may tell one action of two days.
    """
    of_instrument = Window.partitionBy("instrument_id")
    return (
        known
        .where(~F.array_contains("flags", "basis_unknown"))
        .withColumns({"amount": as_traded("amount"), "session": F.col("ex_date")})
        .transform(in_major_unit, units=units, prices=("amount",), exact=EXACT)
        .withColumn("told", F.coalesce(F.col("amount").cast("double"), F.col("ratio")))
        .withColumn("serves", F.min(F.struct(rank(), "source")).over(of_instrument)["source"])
        .transform(choose_source, key=ACTION, compared=("told",))
        .where(F.col("source") == F.col("serves"))
        .transform(conform, schema=GOLD_ACTIONS)
    )


def choose_source(rows: DataFrame, *, key: Sequence[str], compared: Sequence[str]) -> DataFrame:
    """The row of the source that comes first, and how far it can be trusted, of all that are told of a key.

    `confidence` is high where another source agrees in what is `compared`, low where one disagrees or the row is
    doubtful, else medium.
    """
    of_key = Window.partitionBy(*key)
    sources = F.count("*").over(of_key)
    differs = [disagree(F.min(name).over(of_key), F.max(name).over(of_key)) for name in compared]
    confidence = (
        F
        .when(is_doubtful() | F.coalesce(reduce(Column.__or__, differs), F.lit(False)), F.lit("low"))
        .when(sources > 1, F.lit("high"))
        .otherwise(F.lit("medium"))
    )
    place = F.row_number().over(of_key.orderBy(rank(), "source"))
    return rows.withColumns({"confidence": confidence, "place": place}).where("place = 1")


def disagree(lowest: Column, highest: Column) -> Column:
    """Whether what two sources say is too far apart for either to be trusted."""
    return highest.cast("double") > lowest.cast("double") * (1 + AGREEMENT)


def suspect_bars(served: DataFrame, *, actions: DataFrame) -> DataFrame:
    """The rows of `GOLD_BARS_1D` with the flags that their neighbours give them; a doubtful one is not trusted.

    `served` holds all bars within `NEAR_DAYS` of those whose flags are wanted, `actions` all of GOLD_ACTIONS.
    """
    return (
        served.transform(flag_bars, actions=actions).transform(_trust).transform(conform, schema=GOLD_BARS_1D)
    )


def suspect_actions(served: DataFrame, *, bars: DataFrame) -> DataFrame:
    """The rows of `GOLD_ACTIONS` with the flags that `bars`, all of GOLD_BARS_1D, give them."""
    return served.transform(flag_actions, bars=bars).transform(_trust).transform(conform, schema=GOLD_ACTIONS)


def _trust(rows: DataFrame) -> DataFrame:
    return rows.withColumn("confidence", F.when(is_doubtful(), F.lit("low")).otherwise(F.col("confidence")))


def is_doubtful() -> Column:
    return F.arrays_overlap("flags", F.array(*map(F.lit, DOUBTFUL)))


def rank(of: str = "source") -> Column:
    """The place of a source among those that serve."""
    ranked = [F.when(F.col(of) == source, F.lit(n)) for n, source in enumerate(SERVES_FIRST)]
    return F.coalesce(*ranked, F.lit(len(SERVES_FIRST)))
