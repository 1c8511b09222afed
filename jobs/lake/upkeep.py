"""Upkeep of the stream's tables: small files are compacted, logs get checkpoints, files that nobody reads are deleted.

The driver does it itself, since nobody else may write its tables. The caller holds the lock of the batches.
"""

import time
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING

import structlog

from jobs.lake.aside import Aside
from jobs.lake.ledger import Ledger
from jobs.lake.settings import Settings
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import BRONZE_QUOTES, GOLD_BARS_1M, SILVER_QUOTES, SILVER_REJECTED, STREAM_TABLES, Table
from jobs.lake.transaction import commits_since_checkpoint
from jobs.lake.write import TableWriter, dml_session, version

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# the log of gold is not among them: it is pruned
COMPACTED = (BRONZE_QUOTES, SILVER_QUOTES, SILVER_REJECTED, GOLD_BARS_1M)
COMPACT_AFTER_COMMITS = 200
CHECKPOINT_AFTER_COMMITS = 50
LOOK_AT_LOGS_EVERY = 5  # batches
VACUUM_AFTER_HOURS = 24
LOOK_EVERY = 60.0  # seconds
LOOK_FOR_REQUESTS_EVERY = 1.0  # seconds
log = structlog.get_logger()


class Upkeep:
    """Does at most one thing at a time. What commits is done between two batches, all else beside them."""

    def __init__(
        self,
        spark: "SparkSession",
        settings: Settings,
        state: StreamState,
        writer: TableWriter,
        ledger: Ledger,
    ) -> None:
        self._spark, self._settings, self._dml = spark, settings, dml_session(spark)
        self._state, self._writer, self._ledger = state, writer, ledger
        # a driver that lives shorter than that looks too, once there may be something to find
        is_old = max(state.versions.values(), default=0) >= COMPACT_AFTER_COMMITS
        self._looked = time.monotonic() - (LOOK_EVERY if is_old else 0)
        self._done, self._batches = 0, LOOK_AT_LOGS_EVERY - 1
        self._looked_for_requests = time.monotonic()
        # versions whose checkpoints Delta's snapshots may not know yet
        self._checkpointed: dict[str, int] = {}

    def do_one(self, aside: Aside) -> None:
        """What is asked for, else compact the table that needs it most, else give a log a checkpoint, else vacuum."""
        if aside.is_free and self._do_asked(aside):
            return
        # a merge of gold and its compaction would rewrite the same files
        mine = [table for table in COMPACTED if aside.is_free or table is not GOLD_BARS_1M]
        table = max(mine, key=lambda table: self._state.uncompacted[table.name])
        if self._state.uncompacted[table.name] >= COMPACT_AFTER_COMMITS:
            self.compact(table)
        elif aside.is_free and self._is_time_for_logs() and (longest := self._longest_log()):
            self._begin(aside, "checkpoint", longest, self._writer.checkpoint)
            self._checkpointed[longest.name] = self._version(longest)
        elif aside.is_free and time.monotonic() - self._looked >= LOOK_EVERY:
            self._looked = time.monotonic()
            if neglected := self._neglected():
                self._begin(aside, "vacuum", neglected, self._writer.vacuum)

    def compact(self, table: Table) -> dict[str, int]:
        """Write the small files of a table together; how many went, and how many came instead."""
        began = time.monotonic()
        self._done += 1
        commit = self._state.standing_commit(table, kind="compact")
        files = self._writer.compact(self._dml, table=table, commit=commit, number=self._done)
        self._state.uncompacted[table.name] = 0
        self._record(table, "compact", began)
        return files

    def _do_asked(self, aside: Aside) -> bool:
        """Whether somebody had asked for something; what a driver died of is not tried again."""
        if time.monotonic() - self._looked_for_requests < LOOK_FOR_REQUESTS_EVERY:
            return False
        self._looked_for_requests = time.monotonic()
        requests, tables = self._ledger.upkeep_requests, {table.name: table for table in STREAM_TABLES}
        request = requests.begin_oldest(tables, run_id=self._ledger.run_id)
        if request is None:
            return False
        if request.begun_by:
            requests.answer(request.request_id, problem=f"run {request.begun_by} ended while it was at it")
        elif request.action == "compact":
            requests.answer(request.request_id, result=self.compact(tables[request.table]))
        else:
            files: dict[str, int] = {}
            self._begin(
                aside,
                request.action,
                tables[request.table],
                lambda session, table: files.update(self._writer.vacuum_counted(session, table)),
                then=lambda: requests.answer(request.request_id, result=files),
            )
        return True

    def _is_time_for_logs(self) -> bool:
        """To ask each table costs some of a small batch's time, and a log grows by one commit a batch."""
        self._batches += 1
        return self._batches % LOOK_AT_LOGS_EVERY == 0

    def _longest_log(self) -> Table | None:
        """The table with the most commits since its log's last checkpoint, if there are enough."""

        def commits(table: Table) -> int:
            known = commits_since_checkpoint(self._spark, table.path(self._settings))
            return min(known, self._version(table) - self._checkpointed.get(table.name, -1))

        most, longest = max(((commits(table), table) for table in STREAM_TABLES), key=itemgetter(0))
        return longest if most >= CHECKPOINT_AFTER_COMMITS else None

    def _version(self, table: Table) -> int:
        return version(self._spark, table.path(self._settings))

    def _neglected(self) -> Table | None:
        name = self._ledger.most_neglected(
            [table.name for table in STREAM_TABLES], action="vacuum", hours=VACUUM_AFTER_HOURS
        )
        return next((table for table in STREAM_TABLES if table.name == name), None)

    def _begin(
        self,
        aside: Aside,
        action: str,
        table: Table,
        work: Callable[["SparkSession", Table], None],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        began = time.monotonic()

        def end() -> None:
            self._record(table, action, began)
            then()

        aside.begin(lambda: work(self._dml, table), then=end)

    def _record(self, table: Table, action: str, began: float) -> None:
        self._ledger.record_upkeep(table.name, action)
        log.info("upkeep", action=action, table=table.name, seconds=round(time.monotonic() - began, 3))
