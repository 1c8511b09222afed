"""kill -9 of a loader at each of its steps, and three loaders at one moment."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.lake.failpoints import SETTING
from jobs.warehouse.duckdb_file import PublishedDuckDBFile
from tapehouse.paths import VENV
from tests.jobs.warehouse.conftest import Place
from tests.jobs.warehouse.tiny_lake import TINY, bars, ten_versions
from tests.processes import Program

STEPS = ("put", "copy", "merge", "receipt", "commit")
KILLED = -9
pytestmark = pytest.mark.long


def start(place: Place, log: Path, *arguments: object, failpoint: str = "") -> Program:
    command = [VENV / "bin" / "python", "-m", "tests.jobs.warehouse.one_load", *map(str, arguments)]
    return Program(command, log=log, environment=place.environment | {SETTING: failpoint})


def load_ids(place: Place) -> list[str]:
    with place.warehouse() as warehouse:
        return [one.load_id for one in warehouse.receipts([TINY.name])]


@pytest.mark.parametrize("version", [0, 3, 4, 8])
def test_a_loader_that_was_killed_at_any_step_leaves_one_version_or_the_other(
    new_place: Callable[..., Place], tmp_path: Path, version: int
) -> None:
    for step in STEPS:
        place = new_place(step)
        ten_versions(place.lake)
        if version:
            place.load(version=version - 1)
        killed = start(place, tmp_path / "log", version, failpoint=f"warehouse.{step}=kill")
        assert killed.ended(seconds=180) == KILLED, killed.last_words
        if version:
            before = version if step == "commit" else version - 1
            assert place.rows() == place.lake.rows(before), step
        again = place.load(version=version)
        assert again.is_new == (step != "commit")
        assert place.rows() == place.lake.rows(version), step
        ids = load_ids(place)
        assert len(ids) == len(set(ids)) == (2 if version else 1), step


@pytest.mark.parametrize("new_place", ["duckdb"], indirect=True)
def test_a_loader_that_was_killed_before_it_published_is_made_up_for(
    new_place: Callable[..., Place], tmp_path: Path
) -> None:
    place = new_place()
    place.lake.append(bars(range(5)))
    killed = start(place, tmp_path / "log", failpoint="warehouse.publish=kill")
    assert killed.ended(seconds=180) == KILLED, killed.last_words
    assert not (place.settings.warehouse_folder / "warehouse.duckdb").exists()
    assert place.load().is_new is False
    with PublishedDuckDBFile(place.settings.warehouse_folder) as published:
        assert published.execute("SELECT count(*) FROM tiny") == [(5,)]


def test_three_loaders_at_once_make_one_receipt(new_place: Callable[..., Place], tmp_path: Path) -> None:
    place = new_place()
    for turn in range(10):
        place.lake.append(bars(range(10 * turn, 10 * turn + 10)))
        programs = [start(place, tmp_path / f"log-{turn}-{number}") for number in range(3)]
        for program in programs:
            assert program.ended(seconds=120) == 0, program.last_words
        assert place.rows() == place.lake.rows(), turn
        assert len(load_ids(place)) == turn + 1
