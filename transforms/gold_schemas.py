"""The data dictionary of served history: one StructType per table, one comment per column."""

from pyspark.sql import types as T

from transforms.history_schemas import EXACT, INSTRUMENT, TRACE
from transforms.schemas import SESSION, column

OF_INSTRUMENT = [
    column("symbol", T.StringType(), "canonical symbol at the venue on that day, else the vendor's"),
    column("mic", T.StringType(), "ISO 10383 operating MIC of the venue; null = not known"),
    column("currency", T.StringType(), "ISO 4217 major unit of the numbers; null = not known"),
]
SERVED = [
    column("source", T.StringType(), "who serves: the source that comes first of those that told it"),
    column(
        "confidence",
        T.StringType(),
        "high: another source agrees; low: one disagrees, or the row is doubtful; else medium",
    ),
    column("known_from", T.TimestampType(), "when this version was told first"),
    *TRACE,
]
PRICES = ("open", "high", "low", "close")

GOLD_BARS_1D = T.StructType([
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("session", T.DateType(), SESSION),
    *OF_INSTRUMENT,
    *[column(name, EXACT, f"{name} of the session, raw as traded, in `currency`") for name in PRICES],
    column("volume", T.LongType(), "shares traded in the session, raw as traded; null = not told"),
    *SERVED,
])

GOLD_ACTIONS = T.StructType([
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("ex_date", T.DateType(), "first session without the dividend, or with the new shares"),
    column("kind", T.StringType(), "split, dividend or capital_gain"),
    *OF_INSTRUMENT,
    column("amount", EXACT, "for a share of that day, in `currency`; null = a split"),
    column("ratio", T.DoubleType(), "of a split: new shares for an old one; null = no split"),
    *SERVED,
])

GOLD_ADJUSTED_BARS_1D = T.StructType([
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("session", T.DateType(), SESSION),
    column(
        "basis",
        T.StringType(),
        "raw, split_adjusted, total_return_yahoo (1 - D/C before) or total_return_crsp (C/(C+D))",
    ),
    *OF_INSTRUMENT,
    *[column(name, EXACT, f"{name} of the session times `factor`") for name in PRICES],
    column("volume", T.LongType(), "shares times `volume_factor`, rounded half up; null = not told"),
    column(
        "factor", T.DoubleType(), "of the prices: the product over all later actions that the basis counts"
    ),
    column("volume_factor", T.DoubleType(), "of the volume: the product of all later splits, 1 for raw"),
])
