"""An append to a Delta table with a transaction version, without reading the table's whole log.

`option("txnVersion", ...)` asks Delta whether it has seen that version, and Delta answers from the table's state, which
it works out in a Spark job of its own from every commit since the last checkpoint: more work than the append of a small
batch. The checksum file of the newest commit holds the same answer. What is written is the same, and Delta's check for
a commit that came between works the same.
"""

import time
from typing import TYPE_CHECKING, Any

from jobs.lake.errors import SchemaError, WriteSkippedError
from jobs.lake.jvm import java

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def append(
    frame: "DataFrame",
    path: str,
    *,
    application: str,
    number: int,
    user_metadata: str,
    partition: str | None,
    before: tuple[str, int],
) -> int:
    """Append `frame` to a table that exists, as transaction `number` of `application`; the new version.

    A number that is not above the newest that the table has seen is a `WriteSkippedError`, and so is a table that has
    seen the number of another application which `before` names, or a later one: a newer driver's.
    """
    spark = frame.sparkSession
    transaction = delta_log(spark, path).startTransaction()
    # another commit of these applications between here and ours makes Delta refuse ours
    for name in {application, before[0]}:
        transaction.readTxn().addOne(name)
    seen = _newest_of(transaction, application)
    newer = seen if application == before[0] else _newest_of(transaction, before[0])
    if seen >= number or newer >= before[1]:
        raise WriteSkippedError(
            f"a write to {path} was seen already",
            found=f"transaction {number}, and the table has seen {seen if seen >= number else newer}",
            remedy="another driver with a newer epoch writes this table: see the ledger's leases, stop one of them",
        )
    _check_columns(frame, transaction, path)
    option = java(spark, "scala.Option")
    nothing, some = option.empty(), option.apply
    written = transaction.writeFiles(frame._jdf)
    seen_now = java(spark, "org.apache.spark.sql.delta.actions.SetTransaction")(
        application, number, some(time.time_ns() // 1_000_000)
    )
    columns = (
        java(spark, "scala.jdk.javaapi.CollectionConverters")
        .asScala([partition] if partition else [])
        .toSeq()
    )
    mode = java(spark, "org.apache.spark.sql.SaveMode").Append
    operation = java(spark, "org.apache.spark.sql.delta.DeltaOperations$Write")(
        mode, some(columns), nothing, some(user_metadata), *[nothing] * 5
    )
    return int(transaction.commit(written.appended(seen_now), operation))


def delta_log(spark: "SparkSession", path: str) -> Any:
    return java(spark, "org.apache.spark.sql.delta.DeltaLog").forTable(spark._jsparkSession, path)


def commits_since_checkpoint(spark: "SparkSession", path: str) -> int:
    """How many commits a reader has to read that opens the table, as far as this driver has seen."""
    snapshot = delta_log(spark, path).unsafeVolatileSnapshot()
    return int(snapshot.version()) - int(snapshot.logSegment().checkpointProvider().version())


def _newest_of(transaction: Any, application: str) -> int:
    """The newest number of `application` that the table has seen; -1 for none."""
    checksum = transaction.snapshot().checksumOpt()
    known = checksum.get().setTransactions() if checksum.isDefined() else checksum
    if not known.isDefined():  # the commit's checksum was not written: from the whole log
        return int(transaction.txnVersion(application))
    seen = known.get()
    numbers = {seen.apply(i).appId(): int(seen.apply(i).version()) for i in range(seen.size())}
    return numbers.get(application, -1)


def _check_columns(frame: "DataFrame", transaction: Any, path: str) -> None:
    """Delta writes whatever it is given here."""
    wanted, found = transaction.metadata().schema(), frame._jdf.schema()
    types = java(frame.sparkSession, "org.apache.spark.sql.types.DataType")
    if not types.equalsIgnoreNullability(found, wanted):
        raise SchemaError(
            f"the columns of {path} are not those that are written",
            found=f"{wanted.simpleString()}, not {found.simpleString()}",
            remedy="run the version that made the table, or let this one make its tables at another "
            "TAPEHOUSE_REALTIME_URL and TAPEHOUSE_PROCESSED_URL",
        )
