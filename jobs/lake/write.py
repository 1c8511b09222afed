"""The one place that writes Delta tables: appends of the stream, and merges in a session of their own."""

import json
from typing import TYPE_CHECKING, Any

from jobs.lake.errors import WriteSkippedError
from jobs.lake.progress import EPOCH_STEP, Commit
from jobs.lake.tables import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS_PER_FILE = 250_000


def append(
    frame: "DataFrame", *, table: Table, path: str, commit: Commit, rows: int, idle: int | None = None
) -> int:
    """Append `frame` in one commit that says how far it got; the table's new version.

    Delta drops a write whose transaction version it has seen: here that is a driver of an older epoch, and an error.
    `idle` numbers the commits that repeat the recorded end, under a transaction name of their own.
    """
    before = version(frame.sparkSession, path)
    name = table.name if idle is None else f"{table.name}/idle"
    number = commit.transaction_version if idle is None else commit.epoch * EPOCH_STEP + idle
    writer = (
        frame
        .coalesce(1 + rows // ROWS_PER_FILE)
        .write.format("delta")
        .mode("append")
        .partitionBy(table.partition)
        .option("txnAppId", name)
        .option("txnVersion", str(number))
        .option("userMetadata", commit.to_json())
    )
    writer.options(**table.properties).save(path)
    return _advanced(frame.sparkSession, path, table, before, number, commit)


def merge(source: "DataFrame", *, table: Table, path: str, commit: Commit) -> int:
    """Replace the rows of `table` by those of `source` that have the same key, and add the others; the new version.

    Delta takes the transaction and metadata of a merge from the session only: `source` belongs to one that is
    used for nothing else (`dml_session`).
    """
    from delta.tables import DeltaTable

    session = source.sparkSession
    before = version(session, path)
    # a merge may repeat the recorded end: the place in the log, which grows with every merge, is added
    transaction = commit.transaction_version + (commit.sequence or 0)
    session.conf.set("spark.databricks.delta.commitInfo.userMetadata", commit.to_json())
    session.conf.set("spark.databricks.delta.write.txnAppId", table.name)
    session.conf.set("spark.databricks.delta.write.txnVersion", str(transaction))
    same_key = " AND ".join(f"old.{column} = new.{column}" for column in (table.partition, *table.key))
    (
        DeltaTable
        .forPath(session, path)
        .alias("old")
        .merge(source.alias("new"), same_key)
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
        .execute()
    )
    return _advanced(session, path, table, before, transaction, commit)


def delete(
    session: "SparkSession", *, table: Table, path: str, commit: Commit, number: int, where: str
) -> None:
    """Delete the rows that `where` names, in a session of its own (see `merge`)."""
    from delta.tables import DeltaTable

    session.conf.set("spark.databricks.delta.commitInfo.userMetadata", commit.to_json())
    session.conf.set("spark.databricks.delta.write.txnAppId", f"{table.name}/prune")
    session.conf.set("spark.databricks.delta.write.txnVersion", str(commit.epoch * EPOCH_STEP + number))
    DeltaTable.forPath(session, path).delete(where)


def dml_session(spark: "SparkSession") -> "SparkSession":
    """A session for merges and deletes, whose settings touch no other write."""
    return spark.newSession()


def version(spark: "SparkSession", path: str) -> int:
    """The newest version that this driver has seen; -1 where there is no table."""
    return int(_delta_log(spark, path).unsafeVolatileSnapshot().version())


def _delta_log(spark: "SparkSession", path: str) -> Any:
    return spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)  # type: ignore[union-attr]


def _advanced(
    spark: "SparkSession", path: str, table: Table, before: int, number: int, commit: Commit
) -> int:
    """The version that the write made. That another driver moved the table on is no sign of it: the commit is read."""
    after = version(spark, path)
    if after == before or not _is_of(spark, path, after, commit):
        raise WriteSkippedError(
            f"Delta dropped a write to {table.name} as seen already",
            found=f"transaction {number}, the table went from version {before} to {after}",
            remedy="another driver with a newer epoch writes this table: stop this one, or look at the ledger's leases",
        )
    return after


def _is_of(spark: "SparkSession", path: str, version: int, commit: Commit) -> bool:
    """Whether a version was made by a commit with this metadata."""
    log = _delta_log(spark, path)
    file = spark._jvm.org.apache.hadoop.fs.Path(f"{path}/_delta_log/{version:020}.json")  # type: ignore[union-attr]
    lines = log.store().read(file, log.newDeltaHadoopConf()).mkString("\n").splitlines()
    made = [json.loads(line)["commitInfo"].get("userMetadata") for line in lines if '"commitInfo"' in line]
    return commit.to_json() in made
