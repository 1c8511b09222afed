"""What the driver does between two batches for its tables' files."""

from collections import Counter
from contextlib import closing
from typing import Any

import pytest
from deltalake import DeltaTable

from jobs.lake import upkeep
from jobs.lake.postgres import Connection
from jobs.lake.tables import BRONZE_QUOTES, Table
from jobs.lake.transaction import commits_since_checkpoint
from jobs.lake.write import TableWriter
from tests.builders import line
from tests.stack import Stack, call


@pytest.mark.long
def test_small_files_are_compacted_between_batches_and_old_versions_stay_readable(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "COMPACT_AFTER_COMMITS", 3)
    monkeypatch.setattr(upkeep, "LOOK_EVERY", -1.0)
    monkeypatch.setattr(upkeep, "VACUUM_AFTER_HOURS", 0)
    stack.send(line(f"14:30:0{n}", f"1{n}", str(n + 1)) for n in range(4))
    stack.drain(max_offsets=1)
    url = BRONZE_QUOTES.path(stack.settings).replace("s3a://", "s3://")
    bronze = DeltaTable(url, storage_options=stack.settings.storage_options())
    kinds = [entry["operation"] for entry in bronze.history()]
    assert "OPTIMIZE" in kinds
    assert len(bronze.file_uris()) < 4
    assert call("verify")[0] == 0
    # the third batch's version, whose files the compaction has replaced and a vacuum has left alone
    (rows,) = stack.sql("SELECT count(*) AS n FROM bronze.quotes", "--as-of", "bronze.quotes=3")
    assert rows == {"n": "3"}
    assert done_of(stack) == {"compact", "vacuum"}
    # a restart knows what was compacted
    stack.send([line("14:30:05", "15", "9")])
    stack.drain()
    assert call("verify")[0] == 0


@pytest.mark.long
def test_a_log_that_has_grown_gets_a_checkpoint_and_is_left_alone_then(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "CHECKPOINT_AFTER_COMMITS", 6)
    monkeypatch.setattr(upkeep, "LOOK_AT_LOGS_EVERY", 1)
    checkpoint, written = TableWriter.checkpoint, Counter[str]()

    def count(self: TableWriter, session: Any, table: Table) -> None:
        written[table.name] += 1
        checkpoint(self, session, table)

    monkeypatch.setattr(TableWriter, "checkpoint", count)
    stack.send(line(f"14:30:{n:02}", f"1{n}", str(n + 1)) for n in range(8))
    stack.drain(max_offsets=1)
    path = BRONZE_QUOTES.path(stack.settings)
    # one at its seventh commit, none before the thirteenth
    assert written[BRONZE_QUOTES.name] == 1
    assert commits_since_checkpoint(stack.spark, path) < 6
    assert "checkpoint" in done_of(stack)
    # Delta's own readers begin there
    table = DeltaTable(path.replace("s3a://", "s3://"), storage_options=stack.settings.storage_options())
    assert table.version() == 8
    assert call("verify")[0] == 0


def done_of(stack: Stack) -> set[str]:
    with closing(Connection(stack.settings)) as ledger:
        rows = ledger.execute("SELECT DISTINCT action FROM upkeep WHERE run_id IS NOT NULL")
    return {action for (action,) in rows}
