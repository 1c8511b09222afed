"""Lines of history to corporate actions, splits and dividends, and to their versions."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.action_rules import ACTION_FLAGS, ACTION_RULES
from transforms.basis import OF_BASIS, RAW, SPLIT_ADJUSTED, is_same_amount, undo_basis
from transforms.history import field, lines_of, read_day, with_listing
from transforms.history_schemas import EXACT, SILVER_ACTIONS
from transforms.rules import broken_rules
from transforms.schemas import conform
from transforms.versions import tell_once, to_versions, with_withdrawals

ACTIONS = "actions"
SPLIT, DIVIDEND = "split", "dividend"
ACTION = ["source", "instrument_id", "ex_date", "kind"]
CONTENT = ["amount", "ratio"]
# the vendors' words for a kind
KINDS = {"splits": SPLIT, "dividends": DIVIDEND, "capitalGains": "capital_gain"}


def check_actions(history: DataFrame, *, listings: DataFrame) -> DataFrame:
    """Read the lines of actions, resolve the instrument, and name the broken rules; one row a line."""
    kind = F.coalesce(*[F.when(field("kind") == word, F.lit(ours)) for word, ours in KINDS.items()])
    return (
        history
        .transform(lines_of, dataset=ACTIONS)
        .withColumn("parts", F.split("line", ","))
        .transform(read_day)
        .withColumns({
            "kind": kind,
            **{f"{name}_text": field(name) for name in ("amount", "numerator", "denominator")},
        })
        .withColumns({
            "amount": exact("amount_text"),
            "ratio": number("numerator_text") / F.nullif(number("denominator_text"), F.lit(0.0)),
            # Yahoo's amounts are adjusted for the splits after them, as its prices are
            "basis": F.coalesce("basis", F.lit(SPLIT_ADJUSTED)),
        })
        .transform(with_listing, listings=listings)
        .withColumns({"ex_date": F.col("session"), "is_none": F.lit(False)})
        .withColumn("violations", broken_rules(ACTION_RULES))
    )


def actions_of_bars(checked: DataFrame) -> DataFrame:
    """The splits and dividends that stand in the rows of daily bars; `checked` are such lines (`check_daily`).

    A row whose split ratio is 0 or 1, or whose dividend is 0, says that there was none, `is_none`: that is kept only
    where the source has told of one at some time.
    """
    ratio, dividend = number("split_ratio_text"), exact("dividend_text")
    in_rows = F.array(
        _in_row(SPLIT, F.lit(None), ratio, is_none=(ratio == 0) | (ratio == 1)),
        _in_row(DIVIDEND, dividend, F.lit(None), is_none=dividend == 0),
    )
    told = (
        checked
        .where(F.size("violations") == 0)
        .withColumn("in_row", F.explode(in_rows))
        .select("*", "in_row.*")
        .where("is_none IS NOT NULL")
        .withColumn("ex_date", F.col("session"))
    )
    ones = told.where("NOT is_none")
    none_any_more = told.where("is_none").join(
        F.broadcast(ones.select(*ACTION).distinct()), on=ACTION, how="left_semi"
    )
    return ones.unionByName(none_any_more)


def _in_row(kind: str, amount: Column, ratio: Column, *, is_none: Column) -> Column:
    return F.struct(
        F.lit(kind).alias("kind"),
        amount.cast(EXACT).alias("amount"),
        ratio.cast("double").alias("ratio"),
        is_none.alias("is_none"),
    )


def split_versions(actions: DataFrame, *, fetches: DataFrame) -> DataFrame:
    """The versions of every split, `SILVER_ACTIONS`: a ratio has no basis.

    `actions` are checked lines and what stands in the rows of bars. `fetches` as for `with_withdrawals`.
    """
    return (
        _told(actions, F.col("kind") == SPLIT, fetches)
        .withColumn("split_factor", F.lit(1.0))
        .transform(
            to_versions, key=ACTION, compared=["ratio"], is_same=F.col("ratio") == F.col("before.ratio")
        )
        .withColumn("basis", F.lit(RAW))
        .transform(_with_flags)
    )


def dividend_versions(
    actions: DataFrame, *, fetches: DataFrame, splits: DataFrame, complete: DataFrame
) -> DataFrame:
    """The versions of every dividend and capital gain, `SILVER_ACTIONS`.

    `splits` are the versions of all splits, `complete` the answers that tell all of them (see `undo_basis`).
    """
    return (
        _told(actions, F.col("kind") != SPLIT, fetches)
        .transform(undo_basis, key=ACTION, splits=splits, complete=complete)
        .transform(to_versions, key=ACTION, compared=["amount", *OF_BASIS], is_same=is_same_amount())
        .transform(_with_flags)
    )


def _told(actions: DataFrame, is_wanted: Column, fetches: DataFrame) -> DataFrame:
    of_kind = actions.where(is_wanted)
    return (
        of_kind
        .where(F.size("violations") == 0)
        .select(*NEEDED)
        .transform(tell_once, key=ACTION, content=CONTENT)
        .withColumnRenamed("is_none", "is_withdrawn")
        .transform(with_withdrawals, fetches=fetches, mentioned=of_kind, key=ACTION, day="ex_date")
    )


def _with_flags(versions: DataFrame) -> DataFrame:
    return versions.withColumn("flags", broken_rules(ACTION_FLAGS)).transform(conform, schema=SILVER_ACTIONS)


NEEDED = [
    *ACTION,
    *CONTENT,
    "is_none",
    "fetched_at",
    "fetched_day",
    "symbol",
    "vendor_symbol",
    "mic",
    "currency",
    "basis",
    "object",
    "row",
]


def exact(text: str) -> Column:
    return F.expr(f"try_cast({text} AS DECIMAL(28, 12))")


def number(text: str) -> Column:
    return F.expr(f"try_cast({text} AS DOUBLE)")
