"""Which warehouse the settings name, and which tables of the lake are loaded into it."""

from jobs.lake.errors import SettingsError, UsageError
from jobs.lake.history_tables import HISTORY_TABLES
from jobs.lake.settings import Settings, is_named
from jobs.lake.tables import CHANGE_FEED, STREAM_TABLES, Table
from jobs.warehouse.engine import Warehouse

LOADED = tuple(
    table for table in (*STREAM_TABLES, *HISTORY_TABLES) if CHANGE_FEED.items() <= table.properties.items()
)
REFUSED = "SNOWFLAKE_PASSWORD"


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse to load into, opened."""
    if settings.warehouse == "duckdb":
        from jobs.warehouse.duckdb_file import DuckDBFile

        return DuckDBFile(settings.warehouse_folder)
    _refuse_passwords()
    from jobs.warehouse.snowflake import Snowflake

    return Snowflake(settings)


def open_reader(settings: Settings) -> Warehouse:
    """The warehouse as its readers see it, which holds no loader up."""
    if settings.warehouse == "duckdb":
        from jobs.warehouse.duckdb_file import PublishedDuckDBFile

        return PublishedDuckDBFile(settings.warehouse_folder)
    return open_warehouse(settings)


def table_of(name: str) -> Table:
    """A table that is loaded, by its name in the lake."""
    by_name = {table.name: table for table in LOADED}
    if name not in by_name:
        raise UsageError(
            f"{name} is not loaded into the warehouse",
            found=name,
            remedy=f"the tables are {', '.join(by_name)}",
        )
    return by_name[name]


def _refuse_passwords() -> None:
    if is_named(REFUSED):
        raise SettingsError(
            "a password is no way in: Snowflake refuses it to service users, and it would be all that a thief needs",
            found=f"{REFUSED} in the environment, in a file or in .env",
            remedy="a key pair: SNOWFLAKE_PRIVATE_KEY_FILE, as conf/snowflake_setup.sql says",
        )
