"""Lines of vendors' minute bars to their versions: what a source told of a minute, from when, until when.

As of daily bars, versions are a function of the set of lines.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.basis import OF_BASIS, is_same_bar, undo_basis
from transforms.daily import CONTENT, text_violations
from transforms.daily_rules import ARE_NUMBERS
from transforms.history import (
    PRICES,
    days_in,
    field,
    lines_of,
    read_numbers,
    with_calendar,
    with_listing,
)
from transforms.history_schemas import SILVER_VENDOR_BARS_1M
from transforms.minute_rules import FLAG_RULES, INSTRUMENT_RULES, SHAPE_RULES, TEXT_RULES
from transforms.rules import broken_rules
from transforms.schemas import conform
from transforms.versions import tell_once, to_versions, with_withdrawals

MINUTES = "bars_1m"
BAR_OF_MINUTE = ["source", "instrument_id", "session", "bar_start"]
SECONDS = "^[0-9]{1,11}$"
CLOCK = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?"
OFFSET = "(Z|[+-][0-9]{2}:[0-9]{2})$"
NO_PRICES = " AND ".join(f"{name}_text IS NULL" for name in PRICES)


def check_minutes(history: DataFrame, *, listings: DataFrame, sessions: DataFrame) -> DataFrame:
    """Read the lines of minute bars, resolve instrument and session, and name the broken rules.

    One row a line; `violations` is empty for an accepted one. A line without prices `is_none`: nothing was traded.
    """
    by_text = F.col("violations")
    by_listing = F.when(F.size(by_text) == 0, broken_rules(INSTRUMENT_RULES)).otherwise(by_text)
    return (
        history
        .transform(lines_of, dataset=MINUTES)
        .transform(read_stamp)
        .transform(read_numbers)
        .withColumns({"are_numbers": F.expr(ARE_NUMBERS), "is_none": F.expr(NO_PRICES)})
        .withColumn("violations", text_violations(SHAPE_RULES, TEXT_RULES))
        .transform(with_listing, listings=listings)
        .withColumns({"violations": by_listing, "bar_start": F.col("stamp")})
        .transform(with_calendar, sessions=sessions)
    )


def read_stamp(lines: DataFrame) -> DataFrame:
    """Add the symbol of each line, and `stamp`, the left edge of its minute; null where that cannot be told.

    A stamp is seconds since 1970, a time with its offset, or the clock of the object's time zone. `instant` is what it
    names; of a clock that shows no such time, or shows it twice, the rules say so.
    """
    zone, clock, instant = F.col("time_zone"), F.col("clock"), F.col("instant")
    by_label = F.when(F.col("labels") == "start", instant).when(
        F.col("labels") == "end", instant - F.expr("INTERVAL 1 MINUTE")
    )

    def shown(moment: Column) -> Column:
        return clock.isNull() | (F.from_utc_timestamp(moment, zone) == clock)

    again = instant + F.expr("INTERVAL 1 HOUR")
    return (
        lines
        .withColumn("parts", F.split("line", ","))
        .withColumns({
            "listed_as": F.coalesce(field("symbol"), F.col("vendor_symbol")),
            "stamp_text": F.coalesce(field("timestamp"), field("stamp")),
            "day": F.lit(None).cast("date"),
        })
        .withColumn("clock", _where(f"{CLOCK}$", "TIMESTAMP"))
        .withColumn(
            "instant",
            F.coalesce(
                F.timestamp_seconds(_where(SECONDS, "BIGINT")),
                _where(f"{CLOCK}{OFFSET}", "TIMESTAMP"),
                F.to_utc_timestamp("clock", zone),
            ),
        )
        .withColumns({
            "is_an_hour": shown(instant),
            "is_one_hour": clock.isNull() | ~shown(again),
            "stamp": by_label,
        })
        .withColumns(days_in(zone))
    )


def minute_versions(
    checked: DataFrame, *, fetches: DataFrame, splits: DataFrame, complete: DataFrame
) -> DataFrame:
    """The versions of every minute bar, `SILVER_VENDOR_BARS_1M`.

    `fetches` as for `with_withdrawals`; `splits` and `complete` as for `undo_basis`. Told without prices, a bar ends.
    """
    return (
        checked
        .where(F.size("violations") == 0)
        .withColumn("session_ends", session_ends())
        .select(*NEEDED)
        .transform(tell_once, key=BAR_OF_MINUTE, content=CONTENT)
        .withColumnRenamed("is_none", "is_withdrawn")
        .transform(with_withdrawals, fetches=fetches, mentioned=checked, key=BAR_OF_MINUTE, day="session")
        .transform(undo_basis, key=BAR_OF_MINUTE, splits=splits, complete=complete)
        .transform(to_versions, key=BAR_OF_MINUTE, compared=[*CONTENT, *OF_BASIS], is_same=is_same_bar())
        .withColumns({
            "is_backfilled": F.col("known_from") >= F.col("session_ends"),
            "flags": broken_rules(FLAG_RULES),
        })
        .transform(conform, schema=SILVER_VENDOR_BARS_1M)
    )


def session_ends() -> Column:
    """When the regular session has ended, or, of a minute after that, when its last quotes come.

    Its local day is over then at the latest, where it is no session that is known.
    """
    midnight = F.date_add("session", 1).cast("timestamp")
    regular = F.when(F.col("bar_start") < F.col("session_close"), F.col("session_close"))
    return F.coalesce(regular, "last_quote", F.to_utc_timestamp(midnight, F.coalesce("tz", "time_zone")))


def _where(pattern: str, kind: str) -> Column:
    """What the stamp's text says as a type, where it looks like one."""
    return F.expr(f"try_cast(if(stamp_text rlike '{pattern}', stamp_text, null) AS {kind})")


NEEDED = [
    *BAR_OF_MINUTE,
    *CONTENT,
    "is_none",
    "fetched_at",
    "fetched_day",
    "symbol",
    "vendor_symbol",
    "mic",
    "currency",
    "basis",
    "is_session",
    "first_quote",
    "last_quote",
    "session_ends",
    "object",
    "row",
]
