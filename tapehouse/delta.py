"""The lake's tables without Spark: opened with deltalake at a version or a time, queried with DuckDB."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from jobs.lake.errors import NoDataError, UsageError
from jobs.lake.progress import Commit, read_commit
from jobs.lake.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import pyarrow
    from deltalake import DeltaTable

OF_STREAM = ("bronze.quotes", "silver.quotes", "silver.rejected")
OF_HISTORY = ("bronze.history", "silver.history_rejected", "silver.bars_1d", "silver.actions")
OF_DAYS = (
    "gold.bars_1d",
    "gold.bars_1d_versions",
    "gold.actions",
    "gold.adjusted_bars_1d",
    "gold.indicators_1d",
)
OF_MINUTES = ("silver.vendor_bars_1m", "gold.minutes")
OF_REFERENCE = ("gold.instruments", "gold.sessions")
OF_CHECKS = ("gold.gaps", "gold.discrepancies")
TABLES = (
    *OF_STREAM,
    "gold.bars_1m",
    "gold.bars_1m_log",
    *OF_HISTORY,
    *OF_DAYS,
    *OF_MINUTES,
    *OF_REFERENCE,
    *OF_CHECKS,
)
MERGED, LOG = "gold.bars_1m", "gold.bars_1m_log"

# the bar of each key: the newest revision of the log, else the merged row
NEWEST_BARS = """
SELECT * EXCLUDE (sequence) FROM (SELECT *, -1 AS sequence FROM {merged} UNION ALL BY NAME SELECT * FROM {log})
QUALIFY row_number() OVER (PARTITION BY source, instrument_id, bar_start ORDER BY sequence DESC) = 1
"""

AsOf = int | datetime | None


def url_of(table: str, settings: Settings) -> str:
    layer, name = table.split(".")
    bucket = settings.realtime_url if table in OF_STREAM else settings.processed_url
    return f"{bucket.rstrip('/')}/{layer}/{name}"


def open_table(table: str, settings: Settings, *, at: AsOf = None) -> "DeltaTable":
    """The table as it is now, or was at a version or a time."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    url, options = url_of(table, settings), settings.storage_options()
    if not DeltaTable.is_deltatable(url, options):
        raise NoDataError(
            f"{table} does not exist yet",
            found=f"nothing at {url}",
            remedy="start the stream, or `make demo`",
        )
    opened = DeltaTable(url, storage_options=options)
    if at is None:
        return opened
    newest, history = opened.version(), opened.history()
    version = _version_at(table, history, at) if isinstance(at, datetime) else at
    try:
        opened.load_as_version(version)
    except DeltaError as error:
        raise UsageError(
            f"{table} has no version {version}",
            found=f"versions {history[-1]['version']} to {newest}; {error}"[:200],
            remedy="ask for one of these",
        ) from error
    return opened


def _version_at(table: str, history: list[dict[str, Any]], at: datetime) -> int:
    """The version that was the newest at a time, as the commits say: an object's own time is lost in a copy."""
    millis = at.timestamp() * 1000
    versions = [entry["version"] for entry in history if entry["timestamp"] <= millis]
    if not versions:
        first = datetime.fromtimestamp(history[-1]["timestamp"] / 1000, at.tzinfo)
        raise UsageError(
            f"{table} did not exist at {at.isoformat()}",
            found=f"its first version is of {first.isoformat()}",
            remedy="ask for a later time",
        )
    return int(max(versions))


def commits(opened: "DeltaTable") -> list[tuple[int, Commit | None]]:
    """Version and stream metadata of every commit that the log still holds, newest first."""
    return [(entry["version"], read_commit(entry.get("userMetadata"))) for entry in opened.history()]


def newest_in(actions: "pyarrow.Table", column: str | None) -> datetime | None:
    """The largest value of a time or date, a date's midnight in UTC, by what a table's log says of its files."""
    found = [
        value
        for name in (f"max.{column}", f"partition.{column}")
        if name in actions.column_names
        for value in actions.column(name).to_pylist()
        if value is not None
    ]
    newest = max(found, default=None)
    if isinstance(newest, date) and not isinstance(newest, datetime):
        newest = datetime(newest.year, newest.month, newest.day)
    return newest.replace(tzinfo=newest.tzinfo or UTC) if newest else None


def connect() -> "duckdb.DuckDBPyConnection":
    """A DuckDB in memory, in UTC, with a schema for each layer."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for layer in ("bronze", "silver", "gold"):
        connection.execute(f"CREATE SCHEMA {layer}")
    return connection


def attach(
    connection: "duckdb.DuckDBPyConnection",
    settings: Settings,
    *,
    versions: Mapping[str, AsOf],
    time: AsOf = None,
) -> list[str]:
    """Make views of the tables under their names, each at its version or at `time`; the names that exist.

    gold.bars_1m is the newest bar of each key, the log's revisions above the merged table; at a version of its own it
    is exactly that version of the merged table.
    """
    there = []
    for table in TABLES:
        try:
            opened = open_table(table, settings, at=versions.get(table, time))
        except NoDataError:
            continue
        plain = table.replace(".", "_")
        connection.register(plain, opened.to_pyarrow_dataset())
        if table != MERGED or table in versions:
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {plain}")
        there.append(table)
    if MERGED in there and MERGED not in versions:
        newest = NEWEST_BARS.format(merged="gold_bars_1m", log="gold_bars_1m_log")
        connection.execute(f"CREATE VIEW {MERGED} AS {newest}")
    return there
