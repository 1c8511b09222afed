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
SPELLINGS = T.ArrayType(
    T.StructType([T.StructField("vendor", T.StringType()), T.StructField("symbol", T.StringType())])
)

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

GOLD_MINUTES = T.StructType([
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("bar_start", T.TimestampType(), "left edge of the minute, inclusive, UTC"),
    column("session", T.DateType(), SESSION),
    *OF_INSTRUMENT,
    *[column(name, EXACT, f"{name} of the minute, raw as traded, in `currency`") for name in PRICES],
    column("volume", T.LongType(), "shares traded in the minute, raw as traded; null = not told"),
    column("volume_is_complete", T.BooleanType(), "false: some of the minute's trades were not seen"),
    column("source", T.StringType(), "who serves: the stream's source, or the vendor"),
    column(
        "choice",
        T.StringType(),
        "stream: its bar is final and its volume complete; else vendor; else incomplete_stream",
    ),
    column(
        "is_backfilled",
        T.BooleanType(),
        "it was told first after the regular session had ended; false of the stream's bars",
    ),
    column("known_from", T.TimestampType(), "when the vendor's version was told first; null = the stream's"),
    *TRACE,
])

GOLD_INSTRUMENTS = T.StructType([
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("valid_from", T.DateType(), "first local date on which it was called so, inclusive"),
    column("valid_to", T.DateType(), "end of that, exclusive; null = it still is"),
    column("symbol", T.StringType(), "canonical symbol at the venue"),
    column("mic", T.StringType(), "ISO 10383 operating MIC of the venue"),
    column("calendar", T.StringType(), "the exchange calendar's name; 24/7 for what never closes"),
    column("tz", T.StringType(), "time zone of the calendar, an IANA name"),
    column("currency", T.StringType(), "ISO 4217 major unit of gold's prices"),
    column("unit", T.StringType(), "the vendors' unit of the price (GBp, ZAc too)"),
    column("vendor_symbols", SPELLINGS, "the spelling of each vendor, in the order of their names"),
])

GOLD_SESSIONS = T.StructType([
    column("mic", T.StringType(), "ISO 10383 operating MIC of the venue"),
    column("session", T.DateType(), SESSION),
    column("calendar", T.StringType(), "the exchange calendar's name; 24/7 for what never closes"),
    column("session_open", T.TimestampType(), "the calendar's open, UTC"),
    column("session_close", T.TimestampType(), "the calendar's close, UTC"),
    column("is_early_close", T.BooleanType(), "a half day: it closed earlier than on other days"),
])

GOLD_INDICATORS_1D = T.StructType([
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("session", T.DateType(), SESSION),
    OF_INSTRUMENT[0],
    *[
        column(name, EXACT, f"{name} that it is worked out from, split_adjusted")
        for name in ("high", "low", "close")
    ],
    *[
        column(f"sma_{n}", EXACT, f"mean of the last {n} closes; null = there are fewer")
        for n in (20, 50, 200)
    ],
    *[
        column(f"ema_{n}", EXACT, f"exponential average of the closes, by 2/{n + 1}, seeded with sma_{n}")
        for n in (20, 50, 200)
    ],
    column("rsi_14", EXACT, "Wilder's relative strength, 0 to 100, from 14 changes on; null = nothing moved"),
    column("macd", EXACT, "ema 12 minus ema 26 of the closes, both from the 26th on"),
    column("macd_signal", EXACT, "ema 9 of `macd`, seeded with the mean of the first 9"),
    column("macd_histogram", EXACT, "`macd` minus `macd_signal`"),
    column("atr_14", EXACT, "Wilder's average of the true range, from 14 of them on"),
    column(
        "bollinger_upper", EXACT, "sma_20 plus two deviations of those closes, by the population's formula"
    ),
    column("bollinger_lower", EXACT, "sma_20 minus as much"),
    column("log_return", EXACT, "natural logarithm of the close over the one before"),
    column(
        "realised_volatility",
        EXACT,
        "deviation of the last 20 log returns, by the sample's formula, times the root of 252",
    ),
    column("drawdown", EXACT, "close over the highest close so far, minus 1: 0 to -1"),
    column("revision", T.IntegerType(), "how often the row has changed since it was made"),
])
# those that are worked out
INDICATORS = tuple(GOLD_INDICATORS_1D.names[6:-1])
