"""A minute's bars explained: the quotes that they are made of, in order, and the messages that these came in."""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tapehouse.explain_bar import explain_bar
from tapehouse.explain_lake import Lake, Row
from tapehouse.explain_names import Meant
from tapehouse.explain_serving import Unit

MINUTE, EPOCH = timedelta(minutes=1), datetime(1970, 1, 1, tzinfo=UTC)
SAYS_ID = re.compile(rb'"event_id":"([0-9a-f]{32})"')
SAYS_TIME = re.compile(rb'"event_time_us":(-?[0-9]{1,16})[,}]')
# how far a message without a readable time may be from the quotes, by Kafka's clock, to be told of beside them
BESIDE = timedelta(seconds=1)
SHOWN = (
    "event_time",
    "price",
    "currency",
    "day_volume",
    "market_hours",
    "flags",
    "vendor_symbol",
    "event_id",
)
COORDINATES = ("topic", "partition", "offset")
OF_REJECTED = 'topic, partition, "offset", kafka_time, key, value, violations'
OF_QUOTE = ("price_in_gold", "rise", "gives", "kafka_time", *COORDINATES)
# a bar belongs to one of the sessions about its UTC date: no other partition is looked into
IN_MINUTE = "session BETWEEN ? AND ? AND instrument_id = ? AND bar_start = ?"


def explain_minute(
    lake: Lake, meant: Meant, minute: datetime, *, units: Sequence[Unit], source: str | None, frames: bool
) -> Row:
    """The tree of a minute; each of `sources` has the bar, None where it has none, and its quotes."""
    day = timedelta(days=1)
    key = (minute.date() - day, minute.date() + day, meant.instrument_id, minute)
    quotes = lake.rows("silver.quotes", IN_MINUTE, *key)
    bars = lake.bars(IN_MINUTE, *key)
    rejected = lake.rows("silver.rejected", "true", columns=OF_REJECTED)
    messages = _messages(lake, quotes, rejected, frames=frames)
    named = sorted({row["source"] for row in (*bars, *quotes)} if source is None else {source})
    sources, problems = list[Row](), list[str]()
    notes = [meant.note] if meant.note else []
    for name in named:
        bar = next((bar for bar in bars if bar["source"] == name), None)
        own = [quote for quote in quotes if quote["source"] == name]
        if bar is None and not own:
            continue
        told = explain_bar(bar, own, _seed(lake, own, minute), units)
        differs = [f"gold.bars_1m of {name}: {what}" for what in told.pop("differs")]
        is_open = bar is not None and not bar["is_final"]
        (notes if is_open else problems).extend(differs)
        if is_open:
            notes.append(f"the bar of {name} is not final: quotes may still come")
        quoted = [_quote(quote, messages) for quote in told["quotes"]]
        sources.append({"source": name, "bar": bar, **told, "quotes": quoted})
    return {
        "sources": sources,
        "rejected": _of_minute(rejected, meant, minute, quotes),
        "problems": problems,
        "notes": notes,
    }


def _seed(lake: Lake, quotes: Sequence[Row], minute: datetime) -> int | None:
    """What the segment's day_volume had risen to before the minute."""
    if not quotes:
        return None
    one = quotes[0]
    condition = "session = ? AND source = ? AND instrument_id = ? AND segment = ? AND event_time < ?"
    names = ("session", "source", "instrument_id", "segment")
    (found,) = lake.rows(
        "silver.quotes", condition, *[one[name] for name in names], minute, columns="max(day_volume) AS seed"
    )
    seed: int | None = found["seed"]
    return seed


def _messages(
    lake: Lake, quotes: Sequence[Row], rejected: Sequence[Row], *, frames: bool
) -> dict[str, list[Row]]:
    """The accepted messages of bronze by the event that they tell, of the Kafka dates and symbols of these quotes."""
    if not quotes:
        return {}
    refused = {_place(row) for row in rejected}
    dates = sorted({quote["kafka_time"].date() for quote in quotes})
    keys = sorted({quote["vendor_symbol"].encode() for quote in quotes})
    wanted = {quote["event_id"].encode() for quote in quotes}
    found: dict[str, list[Row]] = {}
    for row in lake.rows(
        "bronze.quotes",
        'kafka_date BETWEEN ? AND ? AND key = ANY(?) ORDER BY topic, partition, "offset"',
        dates[0],
        dates[-1],
        keys,
        columns=f'topic, partition, "offset", value{", headers" if frames else ""}',
    ):
        told = SAYS_ID.search(row["value"] or b"")
        if told and told[1] in wanted and _place(row) not in refused:
            found.setdefault(told[1].decode(), []).append(row)
    return found


def _quote(quote: Row, messages: dict[str, list[Row]]) -> Row:
    """A quote with its Kafka coordinates, those of its duplicates, and the vendor's frame where it was read."""
    shown = {name: quote[name] for name in (*SHOWN, *OF_QUOTE)}
    shown["duplicates"] = []
    for message in messages.get(quote["event_id"], ()):
        if _place(message) != _place(quote):
            shown["duplicates"].append({name: message[name] for name in COORDINATES})
        elif "headers" in message:
            sent = {header["key"]: header["value"] for header in message["headers"] or ()}
            shown["vendor_frame"] = base64.b64encode(sent.get("vendor_frame") or b"").decode()
    return shown


def _place(message: Row) -> tuple[object, ...]:
    return tuple(message[name] for name in COORDINATES)


def _of_minute(rejected: Sequence[Row], meant: Meant, minute: datetime, quotes: Sequence[Row]) -> Row:
    """The rejected messages of the minute by rule, and those beside its quotes that say no time, or no symbol."""
    first, end = ((at - EPOCH) // timedelta(microseconds=1) for at in (minute, minute + MINUTE))
    taken = [quote["kafka_time"] for quote in quotes]
    of_minute, untimed = list[Row](), Counter[str]()
    for row in rejected:
        key = (row["key"] or b"").decode(errors="replace").upper()
        if key and key not in meant.spellings:
            continue
        said = SAYS_TIME.search(row["value"] or b"")
        if said and key:
            if first <= int(said[1]) < end:
                of_minute.append({name: row[name] for name in (*COORDINATES, "violations")})
        elif taken and min(taken) - BESIDE <= row["kafka_time"] <= max(taken) + BESIDE:
            untimed.update(row["violations"])
    return {"of_the_minute": of_minute, "untimed_beside_it": dict(untimed)}
