"""What the driver does between two batches for its tables' files."""

from contextlib import closing

import pytest
from deltalake import DeltaTable

from jobs.lake import upkeep
from jobs.lake.postgres import Connection
from jobs.lake.tables import BRONZE_QUOTES
from tests.builders import line
from tests.stack import Stack, call


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
    monkeypatch.setattr(upkeep, "CHECKPOINT_AFTER_COMMITS", 6)
    stack.send([line("14:30:05", "15", "9")])
    stack.drain()
    assert done_of(stack) == {"checkpoint", "compact", "vacuum"}
    assert call("verify")[0] == 0


def done_of(stack: Stack) -> set[str]:
    with closing(Connection(stack.settings)) as ledger:
        rows = ledger.execute("SELECT DISTINCT action FROM upkeep WHERE run_id IS NOT NULL")
    return {action for (action,) in rows}
