"""What was known at a moment: as the lake was told it, or as if what was told first had been told when it happened.

That assumption makes no look-ahead of a basis: that a price was told in shares of a later split is a fact about the
telling, and as traded it is the same number. But silver's own columns, a price in later shares and its `split_factor`,
do say of later splits; what is served does not.
"""

from typing import NamedTuple

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from transforms.history import CALENDAR_OF_PROVISIONAL, PRICES
from transforms.history_schemas import SILVER_ACTIONS, SILVER_BARS_1D
from transforms.schemas import conform
from transforms.versions import known_at

ZONE_OF_PROVISIONAL = "America/New_York"
# where a day ends last on Earth
LAST_ZONE = "Etc/GMT+12"


class Thing(NamedTuple):
    """What versions are of: its key, the day in it, what is told of it, and the session's edge that makes it known."""

    key: tuple[str, ...]
    day: str
    told: tuple[str, ...]
    edge: str
    schema: T.StructType


BAR = Thing(
    ("source", "instrument_id", "session"),
    "session",
    (*PRICES, "volume", "basis"),
    "session_close",
    SILVER_BARS_1D,
)
ACTION = Thing(
    ("source", "instrument_id", "ex_date", "kind"),
    "ex_date",
    ("amount", "ratio", "basis"),
    "session_open",
    SILVER_ACTIONS,
)


def know_as_told(versions: DataFrame) -> DataFrame:
    """Add `known_since`: when the lake was told."""
    return versions.withColumn("known_since", F.col("known_from"))


def know_as_it_happened(
    versions: DataFrame, *, thing: Thing, listings: DataFrame, sessions: DataFrame
) -> DataFrame:
    """Add `known_since`: of the first version of each thing its event, if it was told later; of all others as told.

    The event is a bar's close, or the open of an action's ex_date. A first version whose splits nobody had told, and
    that became readable as it stood, counts as the readable one: that one takes its place.
    """
    by_time = Window.partitionBy(*thing.key).orderBy("known_from")
    before = F.lag(F.struct("known_to", "split_factor", *thing.told)).over(by_time)
    is_first = (F.col("number") == 1) | F.col("is_now_read")
    return (
        versions
        .transform(with_event, thing=thing, listings=listings, sessions=sessions)
        .withColumns({"number": F.row_number().over(by_time), "before": before})
        .withColumn("is_now_read", (F.col("number") == 2) & F.coalesce(is_read_now(thing), F.lit(False)))
        .withColumn("is_read_next", F.lead("is_now_read", 1, False).over(by_time))
        .where(~F.col("is_read_next"))
        .withColumn(
            "known_since", F.when(is_first, F.least("known_from", "event")).otherwise(F.col("known_from"))
        )
    )


def is_read_now(thing: Thing) -> Column:
    """Whether a version says what the one before it said, now that its splits are known."""
    is_learnt = F.col("before.split_factor").isNull() & F.col("split_factor").isNotNull()
    goes_on = F.col("before.known_to") == F.col("known_from")
    is_same = F.lit(True)
    for name in thing.told:
        is_same &= F.col(name).eqNullSafe(F.col(f"before.{name}"))
    return is_learnt & goes_on & is_same


def with_event(versions: DataFrame, *, thing: Thing, listings: DataFrame, sessions: DataFrame) -> DataFrame:
    """Add `event`: the edge of the session at its venue, or where the calendar has none the end of that day there."""
    venues = listings.groupBy("instrument_id", "mic").agg(
        F.min("calendar").alias("calendar"), F.min("tz").alias("tz")
    )
    edges = sessions.select(
        F.col("session_calendar").alias("calendar"), F.col("session").alias(thing.day), thing.edge
    )
    has_no_venue = F.col("mic").isNull()
    calendar = F.coalesce("calendar", F.when(has_no_venue, F.lit(CALENDAR_OF_PROVISIONAL)))
    zone = F.coalesce("tz", F.when(has_no_venue, F.lit(ZONE_OF_PROVISIONAL)), F.lit(LAST_ZONE))
    end_of_day = F.to_utc_timestamp(F.date_add(thing.day, 1), zone)
    return (
        versions
        .join(F.broadcast(venues), on=["instrument_id", "mic"], how="left")
        .withColumns({"calendar": calendar, "end_of_day": end_of_day})
        .join(F.broadcast(edges), on=["calendar", thing.day], how="left")
        .withColumn("event", F.coalesce(thing.edge, "end_of_day"))
    )


def held_at(versions: DataFrame, *, moment: Column, thing: Thing) -> DataFrame:
    """The versions that held at a moment, which do not say until when: `versions` have `known_since`."""
    return (
        versions
        .transform(known_at, moment=moment, since="known_since")
        .withColumn("known_to", F.lit(None))
        .transform(conform, schema=thing.schema)
    )


def count_known(versions: DataFrame, *, moment: Column, thing: Thing) -> DataFrame:
    """Of each instrument: its `days` before that of a moment, how many were known `late`, and from when on.

    `late_from` is the first time of those; `known_from` that of all. `versions` have `known_since`.
    """
    is_past = F.col(thing.day) < F.to_date(moment)
    is_late = is_past & (F.col("since") > moment)
    return (
        versions
        .groupBy("instrument_id", thing.day)
        .agg(F.min("known_since").alias("since"))
        .groupBy("instrument_id")
        .agg(
            F.count_if(is_past).alias("days"),
            F.count_if(is_late).alias("late"),
            F.min(F.when(is_late, F.col("since"))).alias("late_from"),
            F.min("since").alias("known_from"),
        )
    )
