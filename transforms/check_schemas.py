"""The data dictionary of what is missing and what disagrees: one StructType per table, one comment per column."""

from pyspark.sql import types as T

from transforms.history_schemas import EXACT, INSTRUMENT
from transforms.schemas import SESSION, column

GOLD_GAPS = T.StructType([
    column("source", T.StringType(), "whose dataset is followed: yahoo or alpha_vantage"),
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("width", T.StringType(), "of a unit: 1 day or 1 minute"),
    column(
        "dataset",
        T.StringType(),
        "what is followed: stream, 1d or 1m; the stream of a source that tells no time is expected once a day",
    ),
    column(
        "gap_start",
        T.TimestampType(),
        "left edge of the first unit missing, inclusive, UTC; of a day the regular open",
    ),
    column(
        "gap_end",
        T.TimestampType(),
        "right edge of the last unit missing, exclusive; a gap spans neither sessions nor a lunch break",
    ),
    column("session", T.DateType(), SESSION),
    column(
        "cause",
        T.StringType(),
        "not_fetched: no answer covers it; no_trade: the source answered for it and told nothing, or its stream was "
        "alive by others; halt: that, for 5 minutes or more, of one that has a bar in most minutes, or none all "
        "session; feed_down: nobody of the stream had a bar",
    ),
    column(
        "state",
        T.StringType(),
        "of the fill: open (to be fetched), filled (vendors' bars hold it), answered (the source was asked and has no "
        "more), not_wanted (no_trade on a stream that was alive)",
    ),
    column("units", T.IntegerType(), "days or minutes missing from gap_start to gap_end"),
    column(
        "filled",
        T.IntegerType(),
        "of these, those that vendors' history holds; the stream's table stays as it is",
    ),
])

GOLD_DISCREPANCIES = T.StructType([
    column("instrument_id", T.StringType(), INSTRUMENT),
    column("session", T.DateType(), SESSION),
    column(
        "field",
        T.StringType(),
        "open, high, low, close or volume; session where the source that comes first has no bar of it, though it "
        "told of an earlier one, and another has",
    ),
    column("source", T.StringType(), "of the two sources the one that comes first"),
    column(
        "other_source",
        T.StringType(),
        "the other; SOURCE 1m is the minutes of the regular session rolled up, beside the day that is served",
    ),
    column(
        "value", EXACT, "what the first says, as traded, in the currency's major unit; null = it has no bar"
    ),
    column("other_value", EXACT, "what the other says, on the same basis; of a session its close"),
    column(
        "difference", T.DoubleType(), "of the two, relative to the smaller; null = it is 0, or one is missing"
    ),
    column(
        "severity",
        T.StringType(),
        "warn: beyond 0.1 % and a cent, a volume beyond 5 %, a session missing; fail: a price beyond 1 %",
    ),
    column("serves", T.StringType(), "whose bar gold.bars_1d serves"),
])
