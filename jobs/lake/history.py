"""Tables, and what their commits say of the stream that wrote them, read without Spark."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from jobs.lake.errors import ServiceError
from jobs.lake.progress import Commit, read_commit
from jobs.lake.settings import Settings
from jobs.lake.tables import Table

if TYPE_CHECKING:
    from deltalake import DeltaTable

# each batch says of every table, by itself or as empty, how far it is in all partitions
COMMITS_READ = 100


@contextmanager
def readable(table: Table, settings: Settings) -> Generator[tuple[str, dict[str, str]], None, None]:
    """The table's address and the store's options for deltalake; what the store does not answer is a `ServiceError`."""
    from deltalake.exceptions import DeltaError

    url = table.url(settings)
    try:
        yield url, settings.storage_options()
    except (OSError, DeltaError) as error:
        raise ServiceError(
            f"{table.name} at {url} cannot be read",
            found=" ".join(str(error).split())[:300],
            remedy=f"look at the S3 store at {settings.s3_endpoint}, its buckets and the account, or correct AWS_*",
        ) from error


def find_table(table: Table, settings: Settings) -> "DeltaTable | None":
    """The table as it is now, opened without Spark; None where there is none."""
    from deltalake import DeltaTable

    url, options = table.url(settings), settings.storage_options()
    return DeltaTable(url, storage_options=options) if DeltaTable.is_deltatable(url, options) else None


def recent_commits(table: Table, settings: Settings) -> tuple[int, list[Commit]]:
    """The newest version of the table and the newest commits of the stream to it, newest first; -1 without a table."""
    with readable(table, settings):
        found = find_table(table, settings)
        if found is None:
            return -1, []
        history = found.history(COMMITS_READ)
    commits = [read_commit(entry.get("userMetadata")) for entry in history]
    return found.version(), [commit for commit in commits if commit]


def table_id(table: Table, settings: Settings) -> str:
    """The id that Delta gave the table when it was made."""
    from deltalake import DeltaTable

    with readable(table, settings) as (url, options):
        return str(DeltaTable(url, storage_options=options).metadata().id)


def days_of(table: Table, settings: Settings) -> set[date]:
    """The partitions that a table partitioned by a date has rows in."""
    from deltalake import DeltaTable

    with readable(table, settings) as (url, options):
        found = DeltaTable(url, storage_options=options).partitions()
    return {date.fromisoformat(partition[str(table.partition)]) for partition in found}
