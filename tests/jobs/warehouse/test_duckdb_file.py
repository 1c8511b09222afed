"""The warehouse without an account: one loader at a time, and a disk that is full."""

import os
import shlex
from pathlib import Path

import pytest

from jobs.warehouse.duckdb_file import DuckDBFile
from jobs.warehouse.engine import WarehouseError
from tapehouse.paths import VENV
from tests.jobs.warehouse.conftest import Place
from tests.jobs.warehouse.tiny_lake import bars
from tests.processes import Program


def test_a_second_loader_waits_and_then_names_the_first(tmp_path: Path) -> None:
    with (
        DuckDBFile(tmp_path),
        pytest.raises(
            WarehouseError, match=rf"(?s)another program has the warehouse.*pid {os.getpid()} has had it"
        ),
    ):
        DuckDBFile(tmp_path, wait=0.5)
    with DuckDBFile(tmp_path, wait=0.5) as third:
        assert third.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize("new_place", ["duckdb"], indirect=True)
@pytest.mark.long
def test_a_full_disk_ends_a_load_with_the_remedy_and_the_next_one_is_whole(
    place: Place, tmp_path: Path
) -> None:
    place.lake.append(bars(range(2)))
    place.load()
    place.lake.append(bars(range(2, 50_000)))
    # as a disk that takes no file beyond a megabyte
    python = shlex.quote(str(VENV / "bin" / "python"))
    command = ["bash", "-c", f"ulimit -f 1024; exec {python} -m tests.jobs.warehouse.one_load"]
    program = Program(command, log=tmp_path / "log", environment=place.environment)
    assert program.ended(seconds=180) == 1, program.last_words
    assert "remedy: " in program.output
    assert place.load().receipt.from_version == 0
    assert place.rows() == place.lake.rows()
