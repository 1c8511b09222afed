"""The data dictionary: one StructType per table, one comment per column.

All fields are nullable: what must not be null is a rule of quality (`transforms/rules.py`).
"""

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from transforms.errors import MissingColumnsError

PRICE = T.DecimalType(18, 6)
HEADERS = T.ArrayType(
    T.StructType([T.StructField("key", T.StringType()), T.StructField("value", T.BinaryType())])
)
SOURCE = "who sent it: yahoo, alpha_vantage, yahoo_recording or generated"
SESSION = "the exchange's local date, pre- and post-market included, never the UTC date"
COORDINATE = "part of the Kafka coordinate: topic, partition, offset"


def column(name: str, dtype: T.DataType, comment: str) -> T.StructField:
    return T.StructField(name, dtype, metadata={"comment": comment})


def conform(df: DataFrame, *, schema: T.StructType) -> DataFrame:
    """Project `df` onto `schema`: its columns, order, types and comments.

    `DataFrame.to` alone would fill a forgotten column with nulls.
    """
    missing = [name for name in schema.names if name not in df.columns]
    if missing:
        raise MissingColumnsError(missing, df.columns)
    return df.to(schema)


BRONZE_QUOTES = T.StructType([
    column("topic", T.StringType(), COORDINATE),
    column("partition", T.IntegerType(), COORDINATE),
    column("offset", T.LongType(), COORDINATE),
    column("kafka_time", T.TimestampType(), "CreateTime of the Kafka message: when the producer made it"),
    column(
        "key", T.BinaryType(), "the message key as sent: vendor_symbol, null where the frame was not decoded"
    ),
    column(
        "value",
        T.BinaryType(),
        "the message value as sent: canonical JSON, empty where the frame was not decoded",
    ),
    column(
        "headers",
        HEADERS,
        "the message headers as sent; vendor_frame holds the vendor's frame exactly as received",
    ),
    column("ingest_time", T.TimestampType(), "when the stream wrote the message to bronze"),
    column("kafka_date", T.DateType(), "UTC date of kafka_time; the partition of this table"),
])

SILVER_QUOTES = T.StructType([
    column(
        "event_id", T.StringType(), "128 bits of SHA-256 over the identifying fields, 32 hex digits; unique"
    ),
    column("source", T.StringType(), SOURCE),
    column("instrument_id", T.StringType(), "our stable key through renames, from conf/instruments.yaml"),
    column("symbol", T.StringType(), "canonical symbol at the venue on that day"),
    column("vendor_symbol", T.StringType(), "the vendor's spelling of the symbol"),
    column("mic", T.StringType(), "ISO 10383 operating MIC of the venue"),
    column("currency", T.StringType(), "the vendor's unit of the price, as sent (GBp, ZAc too)"),
    column("session", T.DateType(), SESSION),
    column(
        "segment",
        T.StringType(),
        "pre_open before the calendar's open, from_open after it: day_volume is compared within one; untimed: no bar",
    ),
    column(
        "bar_start",
        T.TimestampType(),
        "left edge of the minute of event_time, inclusive, UTC; null = without a time",
    ),
    column(
        "event_time",
        T.TimestampType(),
        "the vendor's time of the quote, UTC; null = it says only the trading day, which is the session",
    ),
    column("price", PRICE, "last price in `currency`, at most 6 decimals"),
    column(
        "day_volume",
        T.LongType(),
        "shares traded in the session so far; null = unknown (absent or 0 at the vendor)",
    ),
    column(
        "market_hours", T.StringType(), "pre, regular, post or extended as the vendor says; null = not said"
    ),
    column("receive_time", T.TimestampType(), "when our producer received the frame, UTC"),
    column("kafka_time", T.TimestampType(), "CreateTime of the Kafka message"),
    column("ingest_time", T.TimestampType(), "when the stream wrote the message to bronze"),
    column("topic", T.StringType(), COORDINATE),
    column("partition", T.IntegerType(), COORDINATE),
    column("offset", T.LongType(), COORDINATE),
    column(
        "flags",
        T.ArrayType(T.StringType()),
        "names of the FLAG rules that the quote breaks; such a quote is kept",
    ),
])

SILVER_REJECTED = T.StructType([
    column("topic", T.StringType(), COORDINATE),
    column("partition", T.IntegerType(), COORDINATE),
    column("offset", T.LongType(), COORDINATE),
    column("kafka_time", T.TimestampType(), "CreateTime of the Kafka message"),
    column("key", T.BinaryType(), "the message key as sent"),
    column("value", T.BinaryType(), "the message value as sent"),
    column("headers", HEADERS, "the message headers as sent"),
    column(
        "violations",
        T.ArrayType(T.StringType()),
        "names of the REJECT rules that the message breaks, in the rules' order",
    ),
    column("ingest_time", T.TimestampType(), "when the stream wrote the message to bronze"),
    column("kafka_date", T.DateType(), "UTC date of kafka_time; the partition of this table"),
])

BAR_VALUES = [
    column("symbol", T.StringType(), "canonical symbol at the venue on that day"),
    column("mic", T.StringType(), "ISO 10383 operating MIC of the venue"),
    column("currency", T.StringType(), "ISO 4217 major unit of the prices"),
    column("segment", T.StringType(), "pre_open before the calendar's open, from_open after it"),
    column("open", PRICE, "first price of the minute by event_time, day_volume (unknown first), event_id"),
    column("high", PRICE, "largest price of the minute"),
    column("low", PRICE, "smallest price of the minute"),
    column("close", PRICE, "last price of the minute, in the order of open"),
    column("volume", T.LongType(), "rise of the running maximum of day_volume over the minute, shares"),
    column(
        "vwap",
        PRICE,
        "sum(price x rise) / sum(rise), rounded half up to 6 decimals; null where nothing traded",
    ),
    column("quote_count", T.LongType(), "distinct quotes in the minute"),
    column(
        "volume_is_complete",
        T.BooleanType(),
        "false up to and including the segment's first known day_volume, and where one fell",
    ),
    column(
        "day_volume_high",
        T.LongType(),
        "the segment's running maximum of day_volume at the bar's end; null = unknown",
    ),
]

GOLD_BARS_1M = T.StructType([
    column("source", T.StringType(), SOURCE),
    column("instrument_id", T.StringType(), "our stable key through renames, from conf/instruments.yaml"),
    column(
        "bar_start",
        T.TimestampType(),
        "left edge of the minute, inclusive, UTC; a minute without a quote has no bar",
    ),
    column("session", T.DateType(), SESSION),
    *BAR_VALUES,
    column(
        "is_final", T.BooleanType(), "the watermark, or the clock after the session, has passed the bar's end"
    ),
    column("revision", T.IntegerType(), "0, and one more each time a final bar's values changed"),
])

GOLD_BARS_1M_LOG = T.StructType([
    *GOLD_BARS_1M.fields,
    column(
        "sequence", T.LongType(), "order of the revisions: of one key the row with the largest is the bar"
    ),
])

INSTRUMENT_LISTINGS = T.StructType([
    column("vendor", T.StringType(), "whose spelling: yahoo or alpha_vantage"),
    column("listed_symbol", T.StringType(), "the vendor's spelling of the symbol"),
    column("instrument_id", T.StringType(), "our stable key through renames"),
    column("symbol", T.StringType(), "canonical symbol at the venue"),
    column("mic", T.StringType(), "ISO 10383 operating MIC of the venue"),
    column("calendar", T.StringType(), "the exchange calendar's name; 24/7 for what never closes"),
    column("tz", T.StringType(), "time zone of the calendar"),
    column("unit", T.StringType(), "the vendors' unit of the price (GBp, ZAc too)"),
    column("listed_from", T.DateType(), "first local date of this listing, inclusive"),
    column("listed_to", T.DateType(), "end of this listing, exclusive"),
])

EXCHANGE_SESSIONS = T.StructType([
    column("session_calendar", T.StringType(), "the exchange calendar's name"),
    column("session", T.DateType(), SESSION),
    column("first_quote", T.TimestampType(), "from when on quotes are expected: 04:00 exchange time"),
    column("session_open", T.TimestampType(), "the calendar's open"),
    column(
        "last_quote",
        T.TimestampType(),
        "until when quotes are expected: 20:00 exchange time, 17:00 on half days",
    ),
    column("session_close", T.TimestampType(), "the calendar's close"),
])
