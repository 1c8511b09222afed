"""The tables of daily history as they were known at a moment, for `tapehouse sql --known-at`."""

import difflib
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake.errors import NoDataError, UsageError
from jobs.lake.known import KNOWN, LATE, OF_SOME, Question, read_known
from jobs.lake.settings import Settings
from tapehouse.delta import open_table
from tapehouse.known_cache import KnownCache, prune
from tapehouse.paths import KNOWN as FOLDER
from tapehouse.progress import Progress

if TYPE_CHECKING:
    import duckdb
    from deltalake import DeltaTable
    from rich.console import Console

BARS, ACTIONS = "silver.bars_1d", "silver.actions"
# a name as a query may spell it: gold.bars_1d or "gold" . "bars_1d"
NAMED = re.compile(r'\b(silver|gold)"?\s*\.\s*"?(\w+)', re.IGNORECASE)
ASSUMED = (
    "assumed: a first version counts as known from its session's close, an action from its ex_date's open, "
    "what was told after it from when it was fetched"
)
# so many instruments are told one by one
MOST_TOLD = 10


class Asked(NamedTuple):
    """The question, and what its instruments are called."""

    question: Question
    names: dict[str, str]


def attach_known(
    connection: "duckdb.DuckDBPyConnection",
    settings: Settings,
    *,
    query: str,
    moment: datetime,
    symbols: Sequence[str] | None,
    assume_close: bool,
) -> list[str]:
    """Make views of the tables that the query names, as they were known at `moment`; the names that may be asked.

    What was not known then is said on standard error.
    """
    named = {f"{layer}.{table}".lower() for layer, table in NAMED.findall(query)}
    wanted = [table for table in KNOWN if table in named]
    _refuse_all_instruments(named, symbols)
    opened = _open(settings)
    asked = _resolve(symbols, settings, opened, moment=moment, assume_close=assume_close)
    progress = Progress(2)
    if wanted:
        cache = KnownCache(FOLDER, asked.question, opened, settings)
        _work_out(cache, asked.question, [*wanted, *LATE], settings, opened, progress)
        for table in [*wanted, *LATE]:
            _view(connection, cache, table)
        _tell(connection, asked, progress.console)
    return list(KNOWN)


def _open(settings: Settings) -> dict[str, "DeltaTable"]:
    try:
        opened = {BARS: open_table(BARS, settings)}
    except NoDataError as error:
        raise NoDataError(
            "there are no daily bars yet",
            found=error.found,
            remedy="load and build them: spark-submit jobs/load_history.py, then jobs/build_daily.py",
        ) from error
    with suppress(NoDataError):  # nobody has told of any action yet
        opened[ACTIONS] = open_table(ACTIONS, settings)
    return opened


def _refuse_all_instruments(named: set[str], symbols: Sequence[str] | None) -> None:
    of_some = sorted(named & {*OF_SOME} & {*KNOWN})
    if of_some and symbols is None:
        raise UsageError(
            f"{' and '.join(of_some)} as known at a moment are worked out for some instruments",
            found="no --symbols",
            remedy="name them: --symbols AAPL,MSFT",
        )


def _resolve(
    symbols: Sequence[str] | None,
    settings: Settings,
    opened: dict[str, "DeltaTable"],
    *,
    moment: datetime,
    assume_close: bool,
) -> Asked:
    """The instruments that the symbols mean: a canonical symbol or any vendor's, or a provisional SOURCE:SYMBOL."""
    from jobs.lake.instruments import read_instruments
    from tapehouse.symbols import identify

    if symbols is None:
        return Asked(Question(moment, None, assume_close), {})
    listed = [symbol for symbol in symbols if ":" not in symbol]
    provisional = [symbol for symbol in symbols if ":" in symbol]
    listings = read_instruments(settings.instruments).listings
    try:
        names = dict(zip(identify(listed, listings, day=moment.date()), listed, strict=True))
    except UsageError as error:
        _say_if_provisional(listed, opened, error)
        raise
    if provisional:
        _refuse_unknown(provisional, opened, listed={listing.symbol for listing in listings})
    names |= {symbol: symbol for symbol in provisional}
    return Asked(Question(moment, tuple(sorted(names)), assume_close), names)


def _say_if_provisional(listed: Sequence[str], opened: dict[str, "DeltaTable"], error: UsageError) -> None:
    there = [name for name in _instruments(opened) if name.partition(":")[2] in listed]
    if there:
        names = ", ".join(there)
        raise UsageError(
            error.what, found=f"provisional in this lake: {names}", remedy=f"write {names}"
        ) from error


def _refuse_unknown(provisional: Sequence[str], opened: dict[str, "DeltaTable"], *, listed: set[str]) -> None:
    there = _instruments(opened)
    for symbol in provisional:
        if symbol not in there:
            bare = symbol.partition(":")[2]
            near = [bare] if bare in listed else difflib.get_close_matches(symbol, there, n=3, cutoff=0.5)
            raise UsageError(
                f"this lake has no instrument {symbol}",
                found=f"near it: {', '.join(near)}" if near else "nothing near it",
                remedy="write one of these, or a symbol of conf/instruments.yaml",
            )


def _instruments(opened: dict[str, "DeltaTable"]) -> list[str]:
    """The ids that silver's tables hold."""
    import duckdb

    found: set[str] = set()
    for table in opened.values():
        connection = duckdb.connect()
        connection.register("versions", table.to_pyarrow_dataset())
        found |= {
            name for (name,) in connection.sql("SELECT DISTINCT instrument_id FROM versions").fetchall()
        }
    return sorted(found)


def _work_out(
    cache: KnownCache,
    question: Question,
    tables: Sequence[str],
    settings: Settings,
    opened: dict[str, "DeltaTable"],
    progress: Progress,
) -> None:
    """Work out those that are not kept from an earlier question, in a Spark of its own."""
    missing = cache.missing(tables)
    if not missing:
        return
    progress.step("starting Spark")
    from jobs.lake.session import build_session

    spark = build_session("known_at", settings)
    versions = {name: table.version() for name, table in opened.items()}
    known = read_known(spark, settings, question, versions=versions)
    what = ", ".join(table for table in missing if table in KNOWN)
    progress.step(f"working out {what} as known at {said(question.moment)}")
    for table in missing:
        cache.keep(table, (KNOWN | LATE)[table](known))
    prune(FOLDER)


def _view(connection: "duckdb.DuckDBPyConnection", cache: KnownCache, table: str) -> None:
    from pyarrow.dataset import dataset

    plain = table.replace(".", "_")
    connection.register(plain, dataset(cache.entry(table), format="parquet"))
    if table in KNOWN:
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {plain}")


def _tell(connection: "duckdb.DuckDBPyConnection", asked: Asked, console: "Console") -> None:
    """Say what is assumed, and of which instruments not all was known."""

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False)

    if asked.question.assume_close:
        say(ASSUMED)
    at = said(asked.question.moment)
    known = dict(
        connection.sql(f"SELECT instrument_id, min(known_from) FROM ({_late()}) GROUP BY ALL").fetchall()
    )
    instruments = asked.question.instruments or sorted(known)
    of = {name: asked.names.get(name, name) for name in instruments}
    nothing = [name for name in instruments if name not in known or known[name] > asked.question.moment]
    for name in nothing[:MOST_TOLD]:
        since = f"knows of it from {said(known[name])}" if name in known else "knows nothing of it yet"
        say(f"nothing was known of {of[name]} at {at}; this lake {since}")
    if len(nothing) > MOST_TOLD:
        say(f"and of {len(nothing) - MOST_TOLD:,} more of {len(instruments):,} instruments nothing was known")
    later = connection.sql(f"SELECT * FROM ({_late()}) WHERE late > 0 ORDER BY ALL").fetchall()
    later = [row for row in later if row[0] not in nothing]
    for name, _, late, days, since, what in later[:MOST_TOLD]:
        say(
            f"of {of[name]} {late:,} of {days:,} {what} before {at} were not known then, but from {said(since)} on"
        )
    if len(later) > MOST_TOLD:
        say(f"and some of {len(later) - MOST_TOLD:,} more instruments")


def _late() -> str:
    each = "SELECT instrument_id, known_from, late, days, late_from, '{}' AS what FROM {}"
    return f"{each.format('sessions', 'late_bars_1d')} UNION ALL {each.format('days with actions', 'late_actions')}"


def said(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes").replace("+00:00", "Z")
