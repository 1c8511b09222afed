"""What the commits of a table say of the stream that wrote them, read without Spark."""

from jobs.lake.errors import ServiceError
from jobs.lake.progress import Commit, read_commit
from jobs.lake.settings import Settings
from jobs.lake.tables import Table

# between two epochs of a driver every table is in one of the last few commits, by itself or as empty
COMMITS_READ = 100


def recent_commits(table: Table, settings: Settings) -> list[Commit]:
    """The newest commits of the stream to `table`, newest first; none where there is no table."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    url, options = table.path(settings).replace("s3a://", "s3://"), settings.storage_options()
    try:
        if not DeltaTable.is_deltatable(url, options):
            return []
        history = DeltaTable(url, storage_options=options).history(COMMITS_READ)
    except (OSError, DeltaError) as error:
        raise ServiceError(
            f"{table.name} at {url} cannot be read",
            found=" ".join(str(error).split())[:300],
            remedy=f"look at the S3 store at {settings.s3_endpoint}, its buckets and the account, or correct AWS_*",
        ) from error
    found = [read_commit(entry.get("userMetadata")) for entry in history]
    return [commit for commit in found if commit]


def table_id(table: Table, settings: Settings) -> str:
    """The id that Delta gave the table when it was made."""
    from deltalake import DeltaTable

    url = table.path(settings).replace("s3a://", "s3://")
    return str(DeltaTable(url, storage_options=settings.storage_options()).metadata().id)
