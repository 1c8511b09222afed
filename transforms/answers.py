"""What the answers in bronze.history say that they cover: where one was given, nothing more is to be asked."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

DAY, MINUTE = "1 day", "1 minute"
INSTRUMENT = ("source", "instrument_id")
NO_PRICES = "no_prices"
WIDTHS = {"bars_1d": DAY, "bars_1m": MINUTE}


def answers_of(history: DataFrame, *, rejected: DataFrame) -> DataFrame:
    """The answers in bronze.history that say what they cover: INSTRUMENT, width, covers_from, covers_to.

    One of which a line was `rejected` (HISTORY_REJECTED) that does not say its day is none: what it told is not known.
    """
    unknown = rejected.transform(_refused_lines).where("session IS NULL").select("object").distinct()
    is_one = (F.col("row") == 0) & F.col("header").isNotNull() & F.col("covers_from").isNotNull()
    return (
        history
        .where(is_one & F.col("asked_for").isNotNull())
        .join(unknown, on="object", how="left_anti")
        .select(
            "source",
            F.col("asked_for").alias("instrument_id"),
            _width().alias("width"),
            "covers_from",
            "covers_to",
        )
        .where(F.col("width").isNotNull())
    )


def refused_of(history: DataFrame, *, rejected: DataFrame) -> DataFrame:
    """The days that an answer told and nobody could take: INSTRUMENT, width, session."""
    objects = history.where("row = 0").select(
        "object", "source", F.col("asked_for").alias("instrument_id"), _width().alias("width")
    )
    days = rejected.transform(_refused_lines).where("session IS NOT NULL")
    return objects.join(days, on="object").select(*INSTRUMENT, "width", "session").distinct()


def _refused_lines(rejected: DataFrame) -> DataFrame:
    """The lines that told something else than that there was no price, with their day where it can be read."""
    is_refused = F.exists("violations", lambda name: name != NO_PRICES)
    day = F.try_to_date(F.regexp_extract("line", r"\d{4}-\d{2}-\d{2}", 0))
    return rejected.where(is_refused).select("object", day.alias("session"))


def _width() -> Column:
    return F.coalesce(*[F.when(F.col("dataset") == name, F.lit(of)) for name, of in WIDTHS.items()])
