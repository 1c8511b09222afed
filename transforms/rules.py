"""The rules of quality, as data: each says what must hold. Order is the order in `violations`.

A REJECT rule uses only the message's own fields and its Kafka time; `unknown_instrument` and `outside_session` also
use the instruments and the exchange calendars. A FLAG rule leaves the quote in silver, with the rule's name.
"""

from collections.abc import Mapping
from functools import cache

from pyspark.sql import Column
from pyspark.sql import functions as F

from transforms.parse import PLAIN_DECIMAL

SOURCES = "('yahoo', 'alpha_vantage', 'yahoo_recording', 'generated')"
LIVE_SOURCES = "('yahoo', 'alpha_vantage')"
IS_DECIMAL = f"coalesce(price_text rlike '{PLAIN_DECIMAL}', false)"
# no zone's date is more than a day ahead of UTC's
NOT_FUTURE = (
    "coalesce(event_time <= kafka_time + INTERVAL 60 SECONDS, "
    "trading_day <= date_add(to_date(kafka_time + INTERVAL 60 SECONDS), 1))"
)
NO_TIME = "coalesce(event_time, trading_day) IS NULL"
VERSION = r"""regexp_extract(cast(value AS STRING), '^\\{"schema_version":(-?[0-9]+|null),', 1)"""

# a message that breaks one of these has no fields to judge: only the first that is broken is reported
SHAPE_RULES: Mapping[str, str] = {
    "empty_value": "length(value) > 0",
    "unknown_schema_version": f"{VERSION} IN ('', '1')",
    "malformed": "well_formed",
}

# a message without a quote that says what its frame lacks is rejected by these names, all of them
FRAME_PROBLEMS: Mapping[str, str] = {
    f"{kind}_{field}": f"the vendor's frame has {what}"
    for kind, form in (("lost", "{}"), ("retyped", "{} with the type that it always had"))
    for field, what in (
        ("message", form.format("a message")),
        ("id", form.format("a symbol")),
        ("price", form.format("a price")),
        ("time", form.format("a time")),
        *(
            (name, form.format(f"a {name}"))
            for name in ("currency", "market_hours", "day_volume")
            if kind == "retyped"
        ),
    )
}
ONE_PROBLEM = f"(?:{'|'.join(FRAME_PROBLEMS)})"
FRAME_PROBLEM = rf'^\{{"frame_problem":"({ONE_PROBLEM}(?:,{ONE_PROBLEM})*)"\}}\z'

FIELD_RULES: Mapping[str, str] = {
    "event_id_mismatch": "event_id = recomputed_id",
    "unknown_source": f"source IN {SOURCES}",
    "price_not_decimal": IS_DECIMAL,
    "price_not_positive": f"NOT {IS_DECIMAL} OR (price_text NOT LIKE '-%' AND price_text != '0')",
    "too_fine": rf"NOT {IS_DECIMAL} OR NOT price_text rlike '\\.[0-9]{{7}}'",
    "price_too_large": f"NOT {IS_DECIMAL} OR NOT price_text rlike '^-?[0-9]{{13}}'",
    "day_volume_not_positive": "day_volume IS NULL OR day_volume > 0",
    "unknown_market_hours": "market_hours IS NULL OR market_hours IN ('pre', 'regular', 'post', 'extended')",
    "no_event_time": "event_time IS NOT NULL OR (source = 'alpha_vantage' AND trading_day IS NOT NULL)",
    "no_receive_time": "receive_time IS NOT NULL",
    "future": f"{NO_TIME} OR {NOT_FUTURE}",
    "old": f"{NO_TIME} OR NOT coalesce(source IN {LIVE_SOURCES}, false) "
    "OR coalesce(event_time >= kafka_time - INTERVAL 10 DAYS, trading_day >= date_sub(to_date(kafka_time), 10))",
    "unknown_instrument": f"{NO_TIME} OR NOT coalesce(source IN {SOURCES}, false) "
    "OR instrument_id IS NOT NULL",
    # the sessions are known until the day after tomorrow: of the future nothing is said
    "outside_session": f"{NO_TIME} OR instrument_id IS NULL OR NOT ({NOT_FUTURE}) "
    "OR coalesce(event_time >= first_quote AND event_time < last_quote, "
    "first_quote <= kafka_time + INTERVAL 60 SECONDS)",
}

FLAG_RULES: Mapping[str, str] = {
    "day_volume_unknown": "day_volume IS NOT NULL",
    "delayed": "event_time IS NULL OR receive_time <= event_time + INTERVAL 10 MINUTES",
}


# to build such an expression costs more than to apply it to a small batch: it is built once
@cache
def violations() -> Column:
    """Names of the REJECT rules that a message breaks; empty for an accepted one."""
    shape = F.coalesce(*[broken(name, rule) for name, rule in SHAPE_RULES.items()])
    by_shape = F.coalesce(frame_problems(), F.array(shape))
    return F.when(shape.isNotNull(), by_shape).otherwise(broken_rules(FIELD_RULES))


def frame_problems() -> Column:
    """What a message says that its frame lacks; null for any other value."""
    named = F.regexp_extract(F.col("value").cast("string"), FRAME_PROBLEM, 1)
    return F.when(named != "", F.split(named, ","))


@cache
def flags() -> Column:
    """Names of the FLAG rules that a quote breaks."""
    return broken_rules(FLAG_RULES)


def broken_rules(rules: Mapping[str, str]) -> Column:
    return F.array_compact(F.array(*[broken(name, rule) for name, rule in rules.items()]))


def broken(name: str, rule: str) -> Column:
    """The rule's name where it does not hold: null counts as broken."""
    return F.when(~F.coalesce(F.expr(rule), F.lit(False)), F.lit(name))
