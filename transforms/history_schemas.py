"""The data dictionary of price history: one StructType per table, one comment per column."""

from pyspark.sql import types as T

from transforms.schemas import SESSION, column

EXACT = T.DecimalType(28, 12)
OBJECT = "key of the CSV in the raw bucket; its sidecar and the body as received lie beside it"
INSTRUMENT = "our stable key through renames; SOURCE:SYMBOL where an import was provisional"
SOURCE = "who told it: a vendor, or the name that an import was given"
FETCHED_AT = "when the vendor told it, UTC"
OF_OBJECT = "of row 0 only: "

# what is known of an object, told once, in its row 0
OBJECT_FACTS = [
    column(
        "asked_for", T.StringType(), f"{OF_OBJECT}the instrument that was asked for; null = the lines say it"
    ),
    column("basis", T.StringType(), f"{OF_OBJECT}of its prices: raw as traded, or split_adjusted"),
    column("is_provisional", T.BooleanType(), f"{OF_OBJECT}unknown symbols get the id SOURCE:SYMBOL"),
    column(
        "labels", T.StringType(), f"{OF_OBJECT}what a stamp names: day, start or end of a minute, unknown"
    ),
    column("time_zone", T.StringType(), f"{OF_OBJECT}of the stamps, an IANA name"),
    column("header", T.StringType(), f"{OF_OBJECT}the first line; null = it is empty, or refused as a whole"),
    column(
        "places",
        T.MapType(T.StringType(), T.IntegerType()),
        f"{OF_OBJECT}where in a line (from 1) stands what: symbol, session, open and what else is told",
    ),
    column(
        "covers_from", T.DateType(), f"{OF_OBJECT}from here it holds all that the vendor has; null = unknown"
    ),
    column("covers_to", T.DateType(), f"{OF_OBJECT}until here, exclusive"),
]

BRONZE_HISTORY = T.StructType([
    column("object", T.StringType(), OBJECT),
    column("row", T.IntegerType(), "line of the CSV, its header is 1; 0 is the object itself"),
    column(
        "line", T.StringType(), "the line as it stands there, without its end; of row 0 the sidecar's JSON"
    ),
    column("source", T.StringType(), SOURCE),
    column("dataset", T.StringType(), "bars_1d, bars_1m or actions"),
    column("vendor_symbol", T.StringType(), "whose history was asked for; null = the lines say it"),
    column("request_id", T.StringType(), "the request, or import, that it came by"),
    column("fetched_at", T.TimestampType(), FETCHED_AT),
    *OBJECT_FACTS,
    column("first_session", T.DateType(), f"{OF_OBJECT}first day that a line is of; null = none can be read"),
    column("last_session", T.DateType(), f"{OF_OBJECT}last day that a line is of"),
    column("accepted", T.IntegerType(), f"{OF_OBJECT}how many of its lines broke no rule"),
])

HISTORY_REJECTED = T.StructType([
    column("object", T.StringType(), OBJECT),
    column("row", T.IntegerType(), "line of the CSV; 0 is the object as a whole"),
    column("line", T.StringType(), "the line as it stands there"),
    column(
        "violations", T.ArrayType(T.StringType()), "names of the rules that it breaks, in the rules' order"
    ),
    column("source", T.StringType(), SOURCE),
    column("dataset", T.StringType(), "bars_1d, bars_1m or actions"),
    column("fetched_at", T.TimestampType(), FETCHED_AT),
])

# what silver says of a version beside its key and its numbers
VERSION = [
    column("symbol", T.StringType(), "canonical symbol at the venue on that day, else the vendor's"),
    column("vendor_symbol", T.StringType(), "the vendor's spelling of the symbol"),
    column("mic", T.StringType(), "ISO 10383 operating MIC of the venue; null = not known"),
    column("currency", T.StringType(), "the vendor's unit of the numbers (GBp, ZAc too); null = not known"),
    column("basis", T.StringType(), "of the numbers: raw, or split_adjusted as of the telling"),
]
KNOWN_FROM = column(
    "known_from", T.TimestampType(), "when this version was told first: the fetch's time, never back-dated"
)
KNOWN_TO = column(
    "known_to", T.TimestampType(), "when another was told, or it was taken back; null = it still holds"
)
SPLIT_FACTOR = column(
    "split_factor",
    T.DoubleType(),
    "times it a price or amount, divided by it a volume, is as traded; null = not known, flag basis_unknown",
)
# where it stands, and what is wrong with it
TRACE = [
    column(
        "flags", T.ArrayType(T.StringType()), "names of the FLAG rules that it breaks; such a one is kept"
    ),
    column("object", T.StringType(), OBJECT),
    column("row", T.IntegerType(), "line of the CSV that told this version first"),
]

SILVER_BARS_1D = T.StructType([
    column("source", T.StringType(), SOURCE),
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("session", T.DateType(), SESSION),
    KNOWN_FROM,
    KNOWN_TO,
    *VERSION,
    *[
        column(name, EXACT, f"{name} of the session, in `currency` and `basis`")
        for name in ("open", "high", "low", "close")
    ],
    column("volume", T.LongType(), "shares traded in the session, in `basis`; null = not told"),
    SPLIT_FACTOR,
    *TRACE,
])

SILVER_VENDOR_BARS_1M = T.StructType([
    column("source", T.StringType(), SOURCE),
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("bar_start", T.TimestampType(), "left edge of the minute, inclusive, UTC"),
    column("session", T.DateType(), SESSION),
    KNOWN_FROM,
    KNOWN_TO,
    *VERSION,
    *[
        column(name, EXACT, f"{name} of the minute, in `currency` and `basis`")
        for name in ("open", "high", "low", "close")
    ],
    column("volume", T.LongType(), "shares traded in the minute, in `basis`; null = not told"),
    SPLIT_FACTOR,
    column(
        "is_backfilled",
        T.BooleanType(),
        "it was told first after the regular session had ended; of a minute after that, once the day's trading had",
    ),
    *TRACE,
])

SILVER_ACTIONS = T.StructType([
    column("source", T.StringType(), SOURCE),
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("ex_date", T.DateType(), "first session without the dividend, or with the new shares"),
    column("kind", T.StringType(), "split, dividend or capital_gain"),
    KNOWN_FROM,
    KNOWN_TO,
    *VERSION,
    column("amount", EXACT, "of a dividend or gain, for a share, in `currency` and `basis`; null = a split"),
    column("ratio", T.DoubleType(), "of a split: new shares for an old one; null = no split"),
    SPLIT_FACTOR,
    *TRACE,
])
