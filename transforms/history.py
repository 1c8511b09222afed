"""Lines of price history to fields, to the instrument that they are of, and to the exchange's day."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.history_schemas import OBJECT_FACTS

PRICES = ("open", "high", "low", "close")
TEXTS = (*PRICES, "volume", "split_ratio", "dividend")
# whose prices are 32-bit floats, spelt as the 64-bit ones that are nearest
OF_FLOATS = ("yahoo", "yahoo_recording")
# whose spellings conf/instruments.yaml lists; of any other source the canonical symbol is taken
SPELLERS = ("yahoo", "alpha_vantage")
CALENDAR_OF_PROVISIONAL = "XNYS"
# before the id of an instrument that was asked for
ASKED = "id:"
BEGINNING = date(1800, 1, 1)


def lines_of(history: DataFrame, *, dataset: str) -> DataFrame:
    """The lines of a dataset with what is known of their object; the header and its repetitions are left out."""
    facts = [field.name for field in OBJECT_FACTS]
    objects = history.where((F.col("dataset") == dataset) & (F.col("row") == 0)).select("object", *facts)
    return (
        history
        .drop(*facts)
        .where((F.col("dataset") == dataset) & (F.col("row") >= 2))
        .join(F.broadcast(objects), on="object")
        .where(F.col("line") != F.col("header"))
    )


def read_fields(lines: DataFrame) -> DataFrame:
    """Add the fields of each line of daily bars: its symbol, its day and its numbers."""
    return lines.withColumn("parts", F.split("line", ",")).transform(read_day).transform(read_numbers)


def read_numbers(lines: DataFrame) -> DataFrame:
    """Add the numbers of each line of bars as text, null where empty or absent, and what they say, null if nothing."""
    return lines.withColumns({f"{name}_text": field(name) for name in TEXTS}).withColumns({
        **{name: price(name) for name in PRICES},
        "volume": F.expr("try_cast(try_cast(volume_text AS DECIMAL(38, 6)) AS BIGINT)"),
    })


def read_day(lines: DataFrame) -> DataFrame:
    """Add the symbol and the day of each line, as far as it says them; `parts` are its fields.

    `stamp` is the instant that it says instead of a day. `session`, and the day of the fetch, are those in the object's
    time zone until `with_listing` knows where it is traded.
    """
    seconds = F.expr("try_cast(timestamp_text AS BIGINT)")
    return (
        lines
        .withColumns({
            "listed_as": F.coalesce(field("symbol"), F.col("vendor_symbol")),
            "session_text": field("session"),
            "timestamp_text": field("timestamp"),
        })
        .withColumns({"day": written_day("session_text"), "stamp": F.timestamp_seconds(seconds)})
        .withColumns(days_in(F.col("time_zone")))
    )


def days_in(zone: Column) -> dict[str, Column]:
    """The session and the day of the fetch in a time zone."""
    stamp, fetched = (F.to_date(F.from_utc_timestamp(name, zone)) for name in ("stamp", "fetched_at"))
    return {"session": F.coalesce("day", stamp), "fetched_day": fetched}


def price(name: str) -> Column:
    """A price as the text spells it; of Yahoo, which sends 32-bit floats, the shortest decimal that is the same one."""
    text = f"{name}_text"
    sent = F.expr(f"try_cast({text} AS DECIMAL(28, 12))")
    as_float = sent.cast("float")
    rounded = [F.round(sent, digits).cast("decimal(28, 12)") for digits in range(2, 12)]
    shortest = F.coalesce(*[F.when(each.cast("float") == as_float, each) for each in rounded], sent)
    return F.when(F.col("source").isin(*OF_FLOATS), shortest).otherwise(sent)


def field(name: str) -> Column:
    text = F.trim(F.try_element_at("parts", F.element_at("places", F.lit(name))))
    return F.when(text != "", text)


def written_day(text: str) -> Column:
    """The day that a text begins with."""
    is_day = f"{text} rlike '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}'"
    return F.expr(f"try_cast(if({is_day}, left({text}, 10), null) AS DATE)")


def with_listing(lines: DataFrame, *, listings: DataFrame) -> DataFrame:
    """Add the day where it is traded, and the instrument: what was asked for, else what the symbol meant on that day.

    A symbol is in its vendor's spelling, or else the canonical one.
    """
    spelt_by = F.when(F.col("source").isin(*SPELLERS), F.col("source")).otherwise(F.lit(""))
    named = F.concat(spelt_by, F.lit(":"), "listed_as")
    zone = F.coalesce("tz", "time_zone")
    local = days_in(zone)
    matches = (
        (F.coalesce(F.concat(F.lit(ASKED), "asked_for"), named) == F.col("name"))
        & (local["session"] >= F.col("listed_from"))
        & (local["session"] < F.col("listed_to"))
    )
    provisional = F.when(F.col("is_provisional"), F.concat("source", F.lit(":"), "listed_as"))
    return lines.join(F.broadcast(listings.transform(names)), on=matches, how="left").withColumns({
        "instrument_id": F.coalesce("asked_for", "instrument_id", provisional),
        "symbol": F.coalesce("symbol", "listed_as"),
        "currency": F.col("unit"),
        "vendor_symbol": F.col("listed_as"),
        **local,
    })


def names(listings: DataFrame) -> DataFrame:
    """The listings by each `name` that a line may have for one: a vendor's or the canonical spelling, or the id.

    Of an instrument that was asked for its first listing holds for all days before it too.
    """
    what = ("instrument_id", "symbol", "mic", "calendar", "tz", "unit", "listed_from", "listed_to")
    own = listings.select(F.concat("vendor", F.lit(":"), "listed_symbol").alias("name"), *what)
    # a canonical symbol that several instruments bear, at other venues or times, names none of them
    bearers = listings.groupBy("symbol").agg(F.count_distinct("instrument_id").alias("bearers"))
    canonical = listings.join(bearers.where("bearers = 1"), on="symbol", how="left_semi").select(
        F.concat(F.lit(":"), "symbol").alias("name"), *what
    )
    first = F.min("listed_from").over(Window.partitionBy("instrument_id"))
    since = F.when(F.col("listed_from") == first, F.lit(BEGINNING)).otherwise(F.col("listed_from"))
    by_id = (
        listings
        .withColumn("since", since)
        .withColumn("listed_from", F.col("since"))
        .select(F.concat(F.lit(ASKED), "instrument_id").alias("name"), *what)
    )
    return own.unionByName(canonical.distinct()).unionByName(by_id.distinct())


def with_calendar(lines: DataFrame, *, sessions: DataFrame) -> DataFrame:
    """Add whether the day was a session, and when quotes of it came.

    Null of a calendar that is not known, and of days before those that are.

    What has no known venue is taken to be of New York if it is provisional.
    """
    days = sessions.select(
        F.col("session_calendar").alias("calendar"),
        "session",
        "first_quote",
        "last_quote",
        "session_close",
        F.lit(True).alias("is_open"),
    )
    known = days.groupBy("calendar").agg(F.min("session").alias("known_since"))
    calendar = F.coalesce("calendar", F.when(F.col("is_provisional"), F.lit(CALENDAR_OF_PROVISIONAL)))
    is_session = F.when(F.col("session") >= F.col("known_since"), F.coalesce("is_open", F.lit(False)))
    return (
        lines
        .withColumn("calendar", calendar)
        .join(F.broadcast(known), on="calendar", how="left")
        .join(F.broadcast(days), on=["calendar", "session"], how="left")
        .withColumn("is_session", is_session)
    )
