"""The life of a batch job: its row in the ledger, the lease of its tables, a Spark, and commits that name it.

A job commits no epoch when it begins: a run that finds nothing to do leaves no version behind. An older run that was
stopped is refused by its lease at its next commit.
"""

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jobs.lake.errors import StoppedError
from jobs.lake.history import find_table
from jobs.lake.job_commit import JobCommit
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.one_spark import OneSpark
from jobs.lake.settings import Settings
from jobs.lake.stop import StopRequest
from jobs.lake.tables import Table
from jobs.lake.write import TableWriter, dml_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# what a statement of Delta takes from its session, and the next append must not find there
OF_ONE_STATEMENT = (
    "spark.databricks.delta.commitInfo.userMetadata",
    "spark.databricks.delta.write.txnAppId",
    "spark.databricks.delta.write.txnVersion",
)
SEEN = 50  # commits of a table that are looked at for the newest epoch


@dataclass
class JobRun:
    """One run of a job that holds its lease."""

    job: str
    settings: Settings
    ledger: Ledger
    lease: Lease
    stop_asked: Callable[[], bool]
    writer: TableWriter
    start_spark: "Callable[[], SparkSession]"
    _commits: int = field(default=0, init=False)

    @cached_property
    def spark(self) -> "SparkSession":
        """A session of its own, of a Spark that starts when it is first needed."""
        return dml_session(self.start_spark())

    def append(self, frame: "DataFrame", table: Table, *, rows: int, **done: Any) -> int:
        """Append rows in one commit, which makes the table where there is none; the version."""
        return self.writer.append(frame, table=table, commit=self._commit(done), rows=rows)

    def change(self, changes: "DataFrame", table: Table, **done: Any) -> int:
        """Insert, update and delete rows of a table as their column `change` says, in one commit; the version."""
        commit = self._commit(done)
        with self._one_statement():
            return self.writer.change(changes, table=table, commit=commit, number=self._commits)

    def compact(self, table: Table) -> dict[str, int]:
        """Write the small files of a table together; how many went, and how many came instead."""
        commit = self._commit({"compacted": table.name})
        with self._one_statement():
            return self.writer.compact(self.spark, table=table, commit=commit, number=self._commits)

    def vacuum(self, table: Table) -> dict[str, int]:
        """Delete the files that no version of the last 7 days holds; how many."""
        return self.writer.vacuum_counted(self.spark, table)

    @contextmanager
    def _one_statement(self) -> Generator[None, None, None]:
        try:
            yield
        finally:
            for name in OF_ONE_STATEMENT:
                self.spark.conf.unset(name)

    def may_go_on(self, done: str) -> None:
        """Raise if somebody has asked the job to stop."""
        if self.stop_asked():
            raise StoppedError(
                f"{self.job} was asked to stop",
                found=f"done last: {done}",
                remedy="run it again: what is done is not done again",
            )

    def _commit(self, done: dict[str, Any]) -> JobCommit:
        self._commits += 1
        told = {name: str(value) for name, value in done.items()}
        return JobCommit(self.job, self.ledger.run_id, self.lease.epoch, self._commits, told)


@contextmanager
def job_run(
    job: str,
    settings: Settings,
    tables: Iterable[Table],
    *,
    program: str | None = None,
    wait: float = 0,
    start_spark: "Callable[[], SparkSession] | None" = None,
    stop_asked: Callable[[], bool] | None = None,
    **details: Any,
) -> Generator[JobRun, None, None]:
    """A run of `job`, which writes `tables`: refused while another one runs, for longer than `wait` seconds.

    It starts a Spark, unless told how. `program` is what runs, if it is another one than the job.
    """
    stop = StopRequest()
    asked = stop_asked or stop
    with closing(Ledger(settings, give_up=asked)) as ledger:
        lease = Lease(settings, job, run_id=ledger.run_id, give_up=asked)
        with ledger.run(program or job, **details), closing(lease):
            lease.acquire(wait=wait)
            ledger.close_lost_runs(job)
            lease.raise_above(max((_newest_epoch(table, settings) for table in tables), default=0))
            start = start_spark or OneSpark(job, settings, stop)
            yield JobRun(job, settings, ledger, lease, asked, TableWriter(settings, lease), start)


def _newest_epoch(table: Table, settings: Settings) -> int:
    """The largest epoch among a table's newest commits; 0 where there is no table."""
    found = find_table(table, settings)
    told = [entry.get("userMetadata") for entry in found.history(SEEN)] if found else []
    return max((int(json.loads(text).get("epoch", 0)) for text in told if text), default=0)
