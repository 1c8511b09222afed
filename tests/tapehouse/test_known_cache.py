"""What is kept of answered questions: so many, so large, and nothing that may be in use."""

import os
import time
from pathlib import Path

import pytest

from tapehouse import known_cache

HOUR = 3600


def entry(folder: Path, name: str, *, hours_ago: float, size: int = 10) -> None:
    (folder / name).mkdir()
    (folder / name / "part.parquet").write_bytes(bytes(size))
    used = time.time() - hours_ago * HOUR
    os.utime(folder / name, (used, used))


def left(folder: Path) -> list[str]:
    known_cache.prune(folder)
    return sorted(path.name for path in folder.iterdir())


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, hours_ago in (("a", 0.5), ("b", 2), ("c", 3), ("d", 4)):
        entry(tmp_path, name, hours_ago=hours_ago)
    # of a command that was killed, and of one that runs
    entry(tmp_path, f"{known_cache.UNFINISHED}1", hours_ago=2)
    entry(tmp_path, f"{known_cache.UNFINISHED}2", hours_ago=0)
    unfinished = f"{known_cache.UNFINISHED}2"
    assert left(tmp_path) == [unfinished, "a", "b", "c", "d"]
    monkeypatch.setattr(known_cache, "MOST_BYTES", 40)
    assert left(tmp_path) == [unfinished, "a", "b", "c"]
    monkeypatch.setattr(known_cache, "MOST_ENTRIES", 1)
    assert left(tmp_path) == [unfinished, "a"]
