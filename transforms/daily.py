"""Lines of daily bars to their versions: what a source told of a day, from when, until when.

Versions are a function of the set of lines: neither the order in which objects are loaded nor how often matters.
"""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.basis import BAR_OF_DAY, OF_BASIS, is_same_bar, undo_basis
from transforms.daily_rules import ARE_NUMBERS, FLAG_RULES, INSTRUMENT_RULES, SHAPE_RULES, TEXT_RULES
from transforms.history import PRICES, lines_of, read_fields, with_calendar, with_listing
from transforms.history_schemas import HISTORY_REJECTED, SILVER_BARS_1D
from transforms.identity import mark_identity
from transforms.rules import broken, broken_rules
from transforms.schemas import conform
from transforms.versions import tell_once, to_versions, with_withdrawals

DAILY = "bars_1d"
CONTENT = [*PRICES, "volume"]


def check_daily(history: DataFrame, *, listings: DataFrame, sessions: DataFrame) -> DataFrame:
    """Read the lines of daily bars, resolve instrument and session, and name the broken rules.

    One row a line; `violations` is empty for an accepted one. `sessions` are those of EXCHANGE_SESSIONS.
    """
    by_text = F.col("violations")
    by_listing = F.when(F.size(by_text) == 0, broken_rules(INSTRUMENT_RULES)).otherwise(by_text)
    # what is judged by its text is judged first: the text is not carried any further
    return (
        history
        .transform(lines_of, dataset=DAILY)
        .transform(read_fields)
        .withColumn("are_numbers", F.expr(ARE_NUMBERS))
        .withColumn("violations", text_violations(SHAPE_RULES, TEXT_RULES))
        .transform(with_listing, listings=listings)
        .withColumn("violations", by_listing)
        .transform(with_calendar, sessions=sessions)
    )


def text_violations(shape_rules: Mapping[str, str], text_rules: Mapping[str, str]) -> Column:
    """Names of the REJECT rules that a line's text breaks: the first of its shape, or else all of its fields."""
    shape = F.coalesce(*[broken(name, rule) for name, rule in shape_rules.items()])
    return F.when(shape.isNotNull(), F.array(shape)).otherwise(broken_rules(text_rules))


def keep_rejected_lines(checked: DataFrame) -> DataFrame:
    """The lines that break a REJECT rule, `HISTORY_REJECTED`: of equal ones all."""
    return checked.where(F.size("violations") > 0).transform(conform, schema=HISTORY_REJECTED)


def daily_versions(
    checked: DataFrame, *, fetches: DataFrame, splits: DataFrame, complete: DataFrame
) -> DataFrame:
    """The versions of every bar, `SILVER_BARS_1D`.

    `fetches` as for `with_withdrawals`; `splits` and `complete` as for `undo_basis`.
    """
    return (
        checked
        .where(F.size("violations") == 0)
        .select(*NEEDED)
        .transform(tell_once, key=BAR_OF_DAY, content=CONTENT)
        .withColumn("is_withdrawn", F.lit(False))
        .transform(with_withdrawals, fetches=fetches, mentioned=checked, key=BAR_OF_DAY, day="session")
        .transform(undo_basis, key=BAR_OF_DAY, splits=splits, complete=complete)
        .transform(mark_identity, key=BAR_OF_DAY)
        .transform(to_versions, key=BAR_OF_DAY, compared=[*CONTENT, *OF_BASIS], is_same=is_same_bar())
        .withColumn("flags", broken_rules(FLAG_RULES))
        .transform(conform, schema=SILVER_BARS_1D)
    )


def fetches_of(history: DataFrame, *, dataset: str) -> DataFrame:
    """The answers of a dataset that say what they cover; those without an accepted line are `is_empty`."""
    is_one = (F.col("row") == 0) & (F.col("dataset") == dataset) & F.col("header").isNotNull()
    return history.where(is_one & F.col("covers_from").isNotNull()).select(
        "source",
        "vendor_symbol",
        "fetched_at",
        "covers_from",
        "covers_to",
        (F.coalesce("accepted", F.lit(0)) == 0).alias("is_empty"),
    )


NEEDED = [
    *BAR_OF_DAY,
    *CONTENT,
    "fetched_at",
    "fetched_day",
    "symbol",
    "vendor_symbol",
    "mic",
    "currency",
    "basis",
    "is_session",
    "object",
    "row",
]
