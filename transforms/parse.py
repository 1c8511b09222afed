"""Messages to typed fields: the wire contract of `producers/events.py`, version 1, read back."""

from functools import cache

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

WIRE_FIELDS = {
    "schema_version": "INT",
    "event_id": "STRING",
    "source": "STRING",
    "vendor_symbol": "STRING",
    "event_time_us": "BIGINT",
    "price": "STRING",
    "day_volume": "BIGINT",
    "market_hours": "STRING",
    "currency": "STRING",
    "receive_time_us": "BIGINT",
}
# of a quote without a time of its own, in the place of `event_time_us`
TRADING_DAY = "trading_day"
STRICT_JSON = {"allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}
IDENTITY = ["source", "vendor_symbol", "event_time_us", "price", "day_volume", "market_hours"]
UNTIMED_IDENTITY = ["source", "vendor_symbol", TRADING_DAY, "price", "day_volume"]
DAY_OF_THE_YEARS = r"^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}\\z"  # 1970 to 9999
# \\z is the end: $ would let a line terminator follow
PLAIN_DECIMAL = r"^-?(0|[1-9][0-9]*)(\\.[0-9]*[1-9])?\\z"
LAST_MICROSECOND = 253402300799999999  # the end of the year 9999


def parse_messages(messages: DataFrame) -> DataFrame:
    """Add the fields of each message's value, null where it cannot be read, and whether it is `well_formed`.

    A value is well formed exactly if its fields, rendered again, give the same bytes: no second spelling, no repeated
    or unknown field, no number where text belongs can pass. `price_text` is the price as sent.
    """
    # inlined, so that the JSON is parsed once however many of its fields are used
    return messages.select("*", wire_fields()).select(*messages.columns, *typed_fields())


# to build these expressions costs more than to apply them to a small batch: they are built once
@cache
def wire_fields() -> Column:
    """The fields of the JSON in `value`, as columns; null where it cannot be read."""
    schema = ", ".join(f"{name} {dtype}" for name, dtype in (WIRE_FIELDS | {TRADING_DAY: "STRING"}).items())
    return F.inline_outer(F.array(F.from_json(text(), schema, STRICT_JSON)))


@cache
def typed_fields() -> tuple[Column, ...]:
    is_canonical = (canonical_value() == text()) & (F.col("schema_version") == 1)
    return (
        *map(F.col, ("event_id", "source", "vendor_symbol", "day_volume", "market_hours", "currency")),
        F.col("price").alias("price_text"),
        plain_decimal("price").alias("price"),
        instant("event_time_us").alias("event_time"),
        trading_day().alias(TRADING_DAY),
        instant("receive_time_us").alias("receive_time"),
        recomputed_event_id().alias("recomputed_id"),
        F.coalesce(is_canonical, F.lit(False)).alias("well_formed"),
    )


def text() -> Column:
    return F.col("value").cast("string")


def canonical_value() -> Column:
    """The value that the producer would have sent for these fields."""
    spelt = {
        name: F.concat(F.lit(f'"{name}":'), quoted(name) if dtype == "STRING" else number(name))
        for name, dtype in WIRE_FIELDS.items()
    }
    day = F.concat(F.lit(f'"{TRADING_DAY}":'), quoted(TRADING_DAY))
    spelt["event_time_us"] = F.when(F.col(TRADING_DAY).isNull(), spelt["event_time_us"]).otherwise(day)
    parts = spelt.values()
    return F.concat(F.lit("{"), F.concat_ws(",", *parts), F.lit("}"))


def recomputed_event_id() -> Column:
    """The first 128 bits of SHA-256 over the identifying fields, as hex; null fields are empty."""
    timed, untimed = (
        F.concat_ws("|", *[F.coalesce(F.col(name).cast("string"), F.lit("")) for name in names])
        for names in (IDENTITY, UNTIMED_IDENTITY)
    )
    identity = F.when(F.col(TRADING_DAY).isNull(), timed).otherwise(untimed)
    return F.substring(F.sha2(identity, 256), 1, 32)


def plain_decimal(name: str) -> Column:
    """The number that a plain decimal spells, rounded to 6 decimals; null for any other text."""
    return F.expr(f"try_cast(if({name} rlike '{PLAIN_DECIMAL}', {name}, null) AS DECIMAL(18, 6))")


def instant(name: str) -> Column:
    """Microseconds since 1970 as a timestamp; null outside the years 1970 to 9999."""
    return F.when(F.col(name).between(0, LAST_MICROSECOND), F.timestamp_micros(F.col(name)))


def trading_day() -> Column:
    """The day of a quote that has no time of its own, null where it is none of the years 1970 to 9999."""
    return F.expr(f"try_cast(if({TRADING_DAY} rlike '{DAY_OF_THE_YEARS}', {TRADING_DAY}, null) AS DATE)")


def number(name: str) -> Column:
    return F.coalesce(F.col(name).cast("string"), F.lit("null"))


def quoted(name: str) -> Column:
    return F.coalesce(F.concat(F.lit('"'), F.col(name), F.lit('"')), F.lit("null"))
