"""The same contract on a DuckDB file, and on Snowflake's protocol with its own connector."""

from collections.abc import Callable

import duckdb
import pytest

from jobs.lake.errors import UsageError
from jobs.warehouse.connect import open_reader
from tests.jobs.warehouse.conftest import ENGINES, Place
from tests.jobs.warehouse.tiny_lake import TINY, bars, ten_versions


@pytest.mark.parametrize("new_place", ENGINES, indirect=True)
def test_each_version_is_loaded_exactly_step_by_step(place: Place) -> None:
    ten_versions(place.lake)
    for version in range(10):
        loaded = place.load(version=version)
        assert place.rows() == place.lake.rows(version), f"version {version}"
        assert loaded.receipt.mode == ("full" if version == 0 else "delta")
        assert loaded.receipt.from_version == version - 1
    with place.warehouse() as warehouse:
        assert [one.to_version for one in warehouse.receipts([TINY.name])] == [*reversed(range(10))]


def test_versions_are_loaded_exactly_in_jumps_back_and_at_once(new_place: Callable[..., Place]) -> None:
    for name, versions in {"jumps": (1, 4, 8, 9), "back": (9, 3, 9), "once": (None,)}.items():
        place = new_place(name)
        ten_versions(place.lake)
        for version in versions:
            place.load(version=version)
            assert place.rows() == place.lake.rows(version), f"{name}: version {version}"


def test_a_version_that_is_there_is_not_loaded_again(place: Place) -> None:
    place.lake.append(bars(range(5)))
    first, again = place.load(), place.load()
    assert (first.is_new, again.is_new) == (True, False)
    assert first.receipt.load_id == again.receipt.load_id
    with place.warehouse() as warehouse:
        assert len(warehouse.receipts([TINY.name])) == 1


def test_a_receipt_says_what_was_done(place: Place) -> None:
    place.lake.append(bars(range(10)))
    place.load()
    place.lake.merge(bars(range(8, 14), volume=5))
    place.lake.delete("symbol = 'S1'")
    receipt = place.load().receipt
    assert (receipt.mode, receipt.reason, receipt.from_version, receipt.to_version) == ("delta", "", 0, 2)
    # 0..13: S1 is 1 and 8; 8 changed and went, 9 changed, 10 to 13 came
    assert (receipt.rows_inserted, receipt.rows_updated, receipt.rows_deleted) == (4, 1, 2)
    assert receipt.rows_total == 12
    assert [name for name, _ in receipt.columns] == [*receipt.checksums]
    assert ["adjusted", "decimal(28,12)"] in receipt.columns
    assert receipt.bytes_staged > 0


def test_readers_ask_in_sql(place: Place) -> None:
    place.lake.append(bars(range(3)))
    place.load()
    with open_reader(place.settings) as reader:
        answer = duckdb.from_arrow(reader.ask("SELECT symbol, volume, flags FROM tiny ORDER BY symbol"))
        assert answer.fetchall() == [
            ("S0", None, None),
            ("S1", 100, '["stale"]'),
            ("S2", 200, '["stale","a \\"quoted\\" |"]'),
        ]
        with pytest.raises(UsageError, match="cannot be answered"):
            reader.ask("SELECT nothing FROM tiny")
