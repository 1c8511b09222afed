"""Who was called what when, and when exchanges were open: conf/instruments.yaml and the calendars as tables of gold."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

import structlog

from jobs.lake.errors import InstrumentsError
from jobs.lake.history import find_table
from jobs.lake.history_tables import GOLD_INSTRUMENTS, GOLD_SESSIONS, REFERENCE
from jobs.lake.instruments import NEVER, Instruments, Listing, read_instruments
from jobs.lake.job_run import JobRun, job_run
from jobs.lake.sessions import hours_of
from jobs.lake.settings import Settings
from jobs.lake.settle import Settled, settle
from jobs.lake.tables import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = structlog.get_logger()
Row = dict[str, Any]


def publish_reference(settings: Settings, **how: Any) -> list[Settled]:
    """Bring gold.instruments and gold.sessions to what the instruments file and the calendars say now."""
    with job_run(REFERENCE, settings, (GOLD_INSTRUMENTS, GOLD_SESSIONS), **how) as run:
        instruments = read_instruments(settings.instruments)
        wanted = (
            (GOLD_INSTRUMENTS, instrument_rows(instruments)),
            (GOLD_SESSIONS, session_rows(instruments)),
        )
        done = [_bring(run, table, rows) for table, rows in wanted]
        for settled in done:
            log.info("reference_published", **settled._asdict())
    return done


def _bring(run: JobRun, table: Table, rows: list[Row]) -> Settled:
    """Bring a table to its rows; one that holds them already needs no Spark."""
    if _stored(run.settings, table) == sorted(rows, key=_key_of(table)):
        return Settled(table.name, 0, 0, 0, len(rows), None)
    return settle(run, table, frame_of(run.spark, rows, table))


def _stored(settings: Settings, table: Table) -> list[Row]:
    """The rows of a table by their key; none where there is no table yet."""
    found = find_table(table, settings)
    if found is None:
        return []
    content = found.to_pyarrow_table(columns=table.schema.names)
    return sorted(content.to_pylist(), key=_key_of(table))


def _key_of(table: Table) -> Callable[[Row], tuple[Any, ...]]:
    return lambda row: tuple(row[name] for name in table.key)


def instrument_rows(instruments: Instruments) -> list[Row]:
    """A row for each span of dates in which an instrument was called so, with every vendor's spelling."""
    spans: dict[tuple[Any, ...], list[Listing]] = defaultdict(list)
    for listing in instruments.listings:
        spans[listing[2:]].append(listing)  # all but the vendor and its spelling
    rows = []
    for listings in spans.values():
        one = listings[0]
        spellings = sorted((listing.vendor, listing.listed_symbol) for listing in listings)
        rows.append({
            "instrument_id": one.instrument_id,
            "valid_from": one.listed_from,
            "valid_to": None if one.listed_to == NEVER else one.listed_to,
            "symbol": one.symbol,
            "mic": one.mic,
            "calendar": one.calendar,
            "tz": one.tz,
            "currency": _major_unit(one, instruments.units),
            "unit": one.unit,
            "vendor_symbols": [{"vendor": vendor, "symbol": symbol} for vendor, symbol in spellings],
        })
    _refuse_twice(((row["instrument_id"], row["valid_from"]) for row in rows), "two listings from one day on")
    return rows


def session_rows(instruments: Instruments) -> list[Row]:
    """A row for each session of each venue."""
    calendars = sorted({(listing.mic, listing.calendar) for listing in instruments.listings})
    _refuse_twice(((mic,) for mic, _ in calendars), "two calendars")
    return [{"mic": mic, **hours._asdict()} for mic, calendar in calendars for hours in hours_of(calendar)]


def frame_of(spark: "SparkSession", rows: list[Row], table: Table) -> "DataFrame":
    import pyarrow

    columns = {name: [row[name] for row in rows] for name in table.schema.names}
    return spark.createDataFrame(pyarrow.table(columns), table.schema)


def _major_unit(listing: Listing, units: Iterable[tuple[str, str, int, date]]) -> str:
    """Of the units of that name the one that held last in the listing's span; any other is a major unit itself."""
    known = [unit for unit in units if unit[0] == listing.unit and unit[3] < listing.listed_to]
    return max(known, key=lambda unit: unit[3])[1] if known else listing.unit


def _refuse_twice(keys: Iterable[tuple[Any, ...]], what: str) -> None:
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise InstrumentsError(
            f"{twice[0][0]} has {what}",
            found=", ".join(" ".join(map(str, key)) for key in twice),
            remedy="give each its own in conf/instruments.yaml",
        )
