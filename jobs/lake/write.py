"""What writes Delta tables, under a lease: appends of the stream, and merges in a session of their own."""

import json
from typing import TYPE_CHECKING

from jobs.lake import failpoints, transaction
from jobs.lake.errors import WriteSkippedError
from jobs.lake.job_commit import JobCommit
from jobs.lake.jvm import java
from jobs.lake.lease import Lease
from jobs.lake.progress import EPOCH_STEP, Commit
from jobs.lake.settings import Settings
from jobs.lake.tables import Table

if TYPE_CHECKING:
    from delta.tables import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

ROWS_PER_FILE = 100_000
Told = Commit | JobCommit  # what a commit says of itself


class TableWriter:
    """Writes the tables of one lease, which is asked before every commit."""

    def __init__(self, settings: Settings, lease: Lease) -> None:
        self._settings, self._lease = settings, lease

    def append(
        self, frame: "DataFrame", *, table: Table, commit: Told, rows: int, idle: int | None = None
    ) -> int:
        """Append `frame` in one commit that says how far it got; the table's new version.

        A transaction that the table has seen is an error: here it is a driver of an older epoch. `idle` numbers the
        commits that repeat the recorded end, under a transaction name of their own.
        """
        spark, path = frame.sparkSession, self._begin(table)
        few_files = failpoints.inside(f"{table.name}.inside", frame.coalesce(1 + rows // ROWS_PER_FILE))
        name = table.name if idle is None else f"{table.name}/idle"
        number = commit.transaction_version if idle is None else commit.epoch * EPOCH_STEP + idle
        if (before := version(spark, path)) < 0:
            create(few_files, table, path, application=name, number=number, commit=commit)
            return self._end(spark, table, before, number, commit)
        try:
            after = transaction.append(
                few_files,
                path,
                application=name,
                number=number,
                user_metadata=commit.to_json(),
                partition=table.partition,
                before=(table.name, (commit.epoch + 1) * EPOCH_STEP),
            )
        except WriteSkippedError:
            self._lease.ask()  # which knows who the other is
            raise
        failpoints.reached(f"{table.name}.after")
        return after

    def merge(self, source: "DataFrame", *, table: Table, commit: Told) -> int:
        """Replace the rows of `table` by those of `source` that have the same key, and add the others.

        Delta takes the transaction and metadata of a merge from the session only: `source` belongs to one that is
        used for nothing else (`dml_session`). Returns the new version.
        """
        session = source.sparkSession
        # a merge may repeat the recorded end: the place in the log, which grows with every merge, is added
        number = commit.transaction_version + (commit.sequence or 0)
        target = self._begin_dml(session, table=table, name=table.name, number=number, commit=commit)
        before = version(session, table.path(self._settings))
        new = failpoints.inside(f"{table.name}.inside", source).alias("new")
        merging = target.alias("old").merge(new, _same_key(table))
        merging.whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()
        return self._end(session, table, before, number, commit)

    def change(
        self, changes: "DataFrame", *, table: Table, commit: Told, number: int, beside: str = ""
    ) -> int:
        """Insert, update and delete the rows of `changes`, as their column `change` says, in one commit.

        In a session of its own (see `merge`). `number` grows with each change under one lease; `beside` sets them apart
        from the appends, whose numbers grow otherwise. Returns the new version.
        """
        session = changes.sparkSession
        number += commit.epoch * EPOCH_STEP
        name = f"{table.name}{beside}"
        target = self._begin_dml(session, table=table, name=name, number=number, commit=commit)
        before = version(session, table.path(self._settings))
        new = failpoints.inside(f"{table.name}.inside", changes).alias("new")
        on = f"{_within_days(changes, table)}{_same_key(table)} AND new.change <> 'insert'"
        self._lease.ask()  # the days took a while
        (
            target
            .alias("old")
            .merge(new, on)
            .whenMatchedDelete("new.change = 'delete'")
            .whenMatchedUpdateAll("new.change = 'update'")
            .whenNotMatchedInsertAll("new.change = 'insert'")
            .execute()
        )
        return self._end(session, table, before, number, commit)

    def delete(self, session: "SparkSession", *, table: Table, commit: Told, number: int, where: str) -> None:
        """Delete the rows that `where` names, in a session of its own (see `merge`)."""
        number += commit.epoch * EPOCH_STEP
        name = f"{table.name}/prune"
        self._begin_dml(session, table=table, name=name, number=number, commit=commit).delete(where)
        failpoints.reached(f"{table.name}.after")

    def compact(self, session: "SparkSession", *, table: Table, commit: Told, number: int) -> dict[str, int]:
        """Write the small files of each partition together, in a session of its own (see `merge`).

        Numbers of files: those that went, and those that came instead.
        """
        number += commit.epoch * EPOCH_STEP
        name = f"{table.name}/compact"
        target = self._begin_dml(session, table=table, name=name, number=number, commit=commit)
        done = target.optimize().executeCompaction().select("metrics.*").first()
        assert done is not None
        failpoints.reached(f"{table.name}.after")
        return {"files_removed": done.numFilesRemoved, "files_added": done.numFilesAdded}

    def checkpoint(self, session: "SparkSession", table: Table) -> None:
        """Write the table's state beside its log, so that readers need not begin at the log's beginning."""
        self._lease.ask()
        transaction.delta_log(session, table.path(self._settings)).checkpoint()

    def vacuum(self, session: "SparkSession", table: Table) -> None:
        """Delete the files that no version of the last 7 days holds, and what a killed driver never committed."""
        from delta.tables import DeltaTable

        self._lease.ask()
        DeltaTable.forPath(session, table.path(self._settings)).vacuum()

    def vacuum_counted(self, session: "SparkSession", table: Table) -> dict[str, int]:
        """The same, and how many files it deletes, at the price of another look at all of them."""
        path = table.path(self._settings)
        unread = session.sql(f"VACUUM delta.`{path}` DRY RUN").count()
        self.vacuum(session, table)
        return {"files_deleted": unread}

    def _begin_dml(
        self, session: "SparkSession", *, table: Table, name: str, number: int, commit: Told
    ) -> "DeltaTable":
        """The table, in a session whose next statement is the transaction `number` of `name`."""
        from delta.tables import DeltaTable

        path = self._begin(table)
        session.conf.set("spark.databricks.delta.commitInfo.userMetadata", commit.to_json())
        session.conf.set("spark.databricks.delta.write.txnAppId", name)
        session.conf.set("spark.databricks.delta.write.txnVersion", str(number))
        return DeltaTable.forPath(session, path)

    def _begin(self, table: Table) -> str:
        """Ask whether the table is still ours to write; its path."""
        failpoints.reached(f"{table.name}.before")
        self._lease.ask()
        failpoints.reached(f"{table.name}.asked")
        return table.path(self._settings)

    def _end(self, session: "SparkSession", table: Table, before: int, number: int, commit: Told) -> int:
        """The version that the write made. That another driver moved the table on is no sign of it: it is read."""
        path = table.path(self._settings)
        after = version(session, path)
        if after == before or not _is_of(session, path, after, commit):
            self._lease.ask()  # which knows who the other is
            raise WriteSkippedError(
                f"Delta dropped a write to {table.name} as seen already",
                found=f"transaction {number}, the table went from version {before} to {after}",
                remedy="another driver with a newer epoch writes this table: see the ledger's leases, stop one of them",
            )
        failpoints.reached(f"{table.name}.after")
        return after


def create(
    frame: "DataFrame", table: Table, path: str, *, application: str, number: int, commit: Told
) -> None:
    """Make the table with the rows of `frame`."""
    (
        frame.write
        .format("delta")
        .mode("append")
        .partitionBy(*_partitions(table))
        .options(**table.properties)
        .option("txnAppId", application)
        .option("txnVersion", str(number))
        .option("userMetadata", commit.to_json())
        .save(path)
    )


def dml_session(spark: "SparkSession") -> "SparkSession":
    """A session for merges and deletes, whose settings touch no other write."""
    return spark.newSession()


def version(spark: "SparkSession", path: str) -> int:
    """The newest version that this driver has seen; -1 where there is no table."""
    return int(transaction.delta_log(spark, path).unsafeVolatileSnapshot().version())


def _same_key(table: Table) -> str:
    return " AND ".join(f"old.{column} = new.{column}" for column in (*_partitions(table), *table.key))


def _within_days(changes: "DataFrame", table: Table) -> str:
    """The days that the changes are of, which spare Delta all other partitions."""
    if table.partition is None:
        return ""
    days = ", ".join(f"DATE '{day}'" for (day,) in changes.select(table.partition).distinct().collect())
    return f"old.{table.partition} IN ({days}) AND "


def _partitions(table: Table) -> list[str]:
    return [table.partition] if table.partition else []


def _is_of(spark: "SparkSession", path: str, version: int, commit: Told) -> bool:
    """Whether a version was made by a commit with this metadata."""
    log = transaction.delta_log(spark, path)
    file = java(spark, "org.apache.hadoop.fs.Path")(f"{path}/_delta_log/{version:020}.json")
    lines = log.store().read(file, log.newDeltaHadoopConf()).mkString("\n").splitlines()
    made = [json.loads(line)["commitInfo"].get("userMetadata") for line in lines if '"commitInfo"' in line]
    return commit.to_json() in made
