"""Parsed messages to accepted quotes and rejected messages."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.parse import parse_messages
from transforms.rules import flags, violations
from transforms.schemas import SILVER_QUOTES, SILVER_REJECTED, conform

# the bar of a quote is worked out within one of these
SEGMENT = ["source", "instrument_id", "session", "segment"]
UNTIMED = "untimed"


def check_messages(messages: DataFrame, *, instruments: DataFrame, sessions: DataFrame) -> DataFrame:
    """Parse `messages` (BRONZE_QUOTES), resolve instrument and session, and name the broken rules.

    One row a message, whatever its bytes; `violations` is empty for an accepted quote.
    """
    return (
        messages
        .transform(parse_messages)
        .transform(with_instrument, instruments=instruments)
        .transform(with_session, sessions=sessions)
        .withColumn("violations", violations())
    )


def with_instrument(parsed: DataFrame, *, instruments: DataFrame) -> DataFrame:
    """Add the instrument that the vendor's symbol meant on the exchange's date of the event.

    `instruments` (INSTRUMENT_LISTINGS) has one row per vendor, symbol and span of dates; the spans do not overlap.
    """
    local_date = F.coalesce(F.to_date(F.from_utc_timestamp("event_time", F.col("tz"))), F.col("trading_day"))
    matches = (
        (vendor() == F.col("vendor"))
        & (F.col("vendor_symbol") == F.col("listed_symbol"))
        & (local_date >= F.col("listed_from"))
        & (local_date < F.col("listed_to"))
    )
    return parsed.join(F.broadcast(instruments), on=matches, how="left").withColumn("local_date", local_date)


def with_session(parsed: DataFrame, *, sessions: DataFrame) -> DataFrame:
    """Add the exchange session of the event's local date: its first and last moment for quotes, and its open."""
    on = (F.col("calendar") == F.col("session_calendar")) & (F.col("local_date") == F.col("session"))
    return parsed.join(F.broadcast(sessions), on=on, how="left")


def refine_quotes(checked: DataFrame) -> DataFrame:
    """Keep the accepted quotes as `SILVER_QUOTES`; the same quote sent twice is still there twice."""
    segment = (
        F
        .when(F.col("event_time") < F.col("session_open"), F.lit("pre_open"))
        .when(F.col("event_time").isNotNull(), F.lit("from_open"))
        .otherwise(F.lit(UNTIMED))
    )
    return (
        checked
        .where(F.size("violations") == 0)
        .withColumn("segment", segment)
        .withColumn("bar_start", F.date_trunc("minute", "event_time"))
        .withColumn("currency", F.coalesce("currency", "unit"))
        .withColumn("flags", flags())
        .transform(conform, schema=SILVER_QUOTES)
    )


def keep_rejected(checked: DataFrame) -> DataFrame:
    """Keep the messages that break a REJECT rule as `SILVER_REJECTED`, bytes and headers as they came."""
    return checked.where(F.size("violations") > 0).transform(conform, schema=SILVER_REJECTED)


def vendor() -> Column:
    """Whose spelling a source uses: recordings and generated tapes are spelt as Yahoo spells; null if unknown."""
    spelt_as_yahoo = F.col("source").isin("yahoo", "yahoo_recording", "generated")
    return F.when(spelt_as_yahoo, F.lit("yahoo")).when(
        F.col("source") == "alpha_vantage", F.lit("alpha_vantage")
    )
