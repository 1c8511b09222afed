"""Batches go on while gold is merged."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import failpoints, quote_writer
from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG, Table
from jobs.lake.write import TableWriter
from tests.builders import line
from tests.stack import Stack, call

MEANWHILE = 2


def wait_for(file: str) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Hold a task until the file is there."""

    def rows(batches: Iterator[Any]) -> Iterator[Any]:
        deadline = time.monotonic() + 60
        while not Path(file).exists():
            assert time.monotonic() < deadline, "no batch was written meanwhile"
            time.sleep(0.05)
        yield from batches

    return rows


@pytest.mark.longest
def test_batches_commit_while_a_merge_is_held(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = str(tmp_path / "release")
    inside, append, merge = failpoints.inside, TableWriter.append, TableWriter.merge
    reached: list[str] = []
    versions: list[int] = []
    seen_by_merges: list[int] = []

    def hold_the_first(place: str, frame: Any) -> Any:
        if place != f"{GOLD_BARS_1M.name}.inside" or reached != ["merge"]:
            return inside(place, frame)
        reached.append(place)
        # in one task: the other core is for the batches
        return frame.coalesce(1).mapInArrow(wait_for(release), frame.schema)

    def count(self: TableWriter, frame: Any, *, table: Table, **options: Any) -> int:
        version = append(self, frame, table=table, **options)
        if len(reached) > 1 and table is GOLD_BARS_1M_LOG:
            versions.append(version)
            if len(versions) == MEANWHILE:
                Path(release).touch()
        return version

    def note(self: TableWriter, source: Any, **options: Any) -> int:
        reached.append("merge")
        version = merge(self, source, **options)
        seen_by_merges.append(len(versions))
        return version

    monkeypatch.setattr(quote_writer, "MERGE_EVERY", 0.0)
    monkeypatch.setattr(failpoints, "inside", hold_the_first)
    monkeypatch.setattr(TableWriter, "append", count)
    monkeypatch.setattr(TableWriter, "merge", note)
    stack.send(line(f"14:3{n}:00", f"1{n}", str(n + 1)) for n in range(6))
    stack.drain(max_offsets=1)
    assert seen_by_merges[0] >= MEANWHILE
    assert len(seen_by_merges) > 1  # what came meanwhile is merged later
    assert call("verify")[0] == 0
    bars = stack.sql("SELECT close FROM gold.bars_1m ORDER BY bar_start")
    assert [float(bar["close"]) for bar in bars] == [10, 11, 12, 13, 14, 15]
