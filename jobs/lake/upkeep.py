"""Upkeep of the stream's tables between two batches: small files are compacted, files that nobody reads are deleted.

The driver does it itself, since nobody else may write its tables. The caller holds the lock of the batches.
"""

import time
from typing import TYPE_CHECKING

import structlog

from jobs.lake.ledger import Ledger
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import BRONZE_QUOTES, GOLD_BARS_1M, SILVER_QUOTES, SILVER_REJECTED, STREAM_TABLES, Table
from jobs.lake.write import TableWriter, dml_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# the log of gold is not among them: it is pruned
COMPACTED = (BRONZE_QUOTES, SILVER_QUOTES, SILVER_REJECTED, GOLD_BARS_1M)
COMPACT_AFTER_COMMITS = 100
VACUUM_AFTER_HOURS = 24
LOOK_EVERY = 60.0  # seconds
log = structlog.get_logger()


class Upkeep:
    """Does at most one thing at a time, so that no batch waits for more than one."""

    def __init__(
        self, spark: "SparkSession", state: StreamState, writer: TableWriter, ledger: Ledger
    ) -> None:
        self._dml = dml_session(spark)
        self._state, self._writer, self._ledger = state, writer, ledger
        self._looked = time.monotonic()
        self._done = 0

    def do_one(self) -> None:
        """Compact the table that needs it most, else delete what one table has kept for long enough."""
        table = max(COMPACTED, key=lambda table: self._state.uncompacted[table.name])
        if self._state.uncompacted[table.name] >= COMPACT_AFTER_COMMITS:
            self._compact(table)
        elif time.monotonic() - self._looked > LOOK_EVERY:
            self._looked = time.monotonic()
            self._vacuum_one()

    def _compact(self, table: Table) -> None:
        began = time.monotonic()
        self._done += 1
        commit = self._state.standing_commit(table, kind="compact")
        self._writer.compact(self._dml, table=table, commit=commit, number=self._done)
        self._state.uncompacted[table.name] = 0
        self._ledger.record_upkeep(table.name, "compact")
        log.info("compacted", table=table.name, seconds=round(time.monotonic() - began, 3))

    def _vacuum_one(self) -> None:
        name = self._ledger.most_neglected(
            [table.name for table in STREAM_TABLES], action="vacuum", hours=VACUUM_AFTER_HOURS
        )
        table = next((table for table in STREAM_TABLES if table.name == name), None)
        if table is None:
            return
        began = time.monotonic()
        self._writer.vacuum(self._dml, table=table)
        self._ledger.record_upkeep(table.name, "vacuum")
        log.info("vacuumed", table=table.name, seconds=round(time.monotonic() - began, 3))
