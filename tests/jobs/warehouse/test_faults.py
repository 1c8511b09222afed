"""What is not as it was left: the warehouse edited, the lake's table made anew, its change feed gone, other columns."""

import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.lake.errors import SchemaError
from jobs.warehouse import reconcile
from jobs.warehouse.engine import WarehouseError
from jobs.warehouse.lake_version import LakeVersion, LostFilesError
from jobs.warehouse.load import TAMPERED
from jobs.warehouse.reconcile import Check, reconcile_table
from tests.jobs.warehouse.conftest import Place
from tests.jobs.warehouse.tiny_lake import SCHEMA, TINY, bars

EDITS = {
    "a value changed": (
        ["UPDATE tiny SET volume = volume + 1 WHERE symbol = 'S1' AND volume = 800"],
        ["volume"],
        ["S1 2026-11-24T14:38:00.000002Z: volume is 800 in the lake, 801 in the warehouse"],
    ),
    "two values swapped": (
        [
            "UPDATE tiny SET close = -1 WHERE symbol = 'S1' AND volume = 100",
            "UPDATE tiny SET close = 1.000001 WHERE symbol = 'S1' AND volume = 800",
            "UPDATE tiny SET close = 8.000008 WHERE symbol = 'S1' AND close = -1",
        ],
        ["close"],
        [
            "S1 2026-11-24T14:31:00.000001Z: close is 1.000001 in the lake, 8.000008 in the warehouse",
            "S1 2026-11-24T14:38:00.000002Z: close is 8.000008 in the lake, 1.000001 in the warehouse",
        ],
    ),
    "a row deleted": (
        ["DELETE FROM tiny WHERE symbol = 'S1' AND volume = 800"],
        ["rows"],
        ["S1 2026-11-24T14:38:00.000002Z: only in the lake"],
    ),
    "a row added": (
        ["INSERT INTO tiny (symbol, bar_start) VALUES ('S9', '2026-11-24 14:30:00')"],
        ["rows"],
        ["S9 2026-11-24T14:30:00Z: only in the warehouse"],
    ),
    "null in place of a value": (
        ["UPDATE tiny SET factor = NULL WHERE symbol = 'S0' AND volume = 700"],
        ["factor"],
        ["S0 2026-11-24T14:37:00.000001Z: factor is 1.0 in the lake, None in the warehouse"],
    ),
}


def reconciled(place: Place) -> list[Check]:
    with place.warehouse() as warehouse:
        found = reconcile_table(place.settings, warehouse, TINY)
    assert found is not None
    return found.checks


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_warehouse_is_found_refused_and_mended(place: Place, edit: str) -> None:
    place.lake.append(bars(range(14)))
    place.load()
    assert [(check.differs, check.note) for check in reconciled(place)] == [([], "")]
    statements, differs, first = EDITS[edit]
    for statement in statements:
        place.tamper(statement)
    (check,) = reconciled(place)
    assert set(differs) <= set(check.differs)
    assert [str(difference) for difference in check.first] == first
    place.lake.append(bars(range(14, 20)))
    receipt = place.load().receipt
    assert (receipt.mode, receipt.reason) == ("full", TAMPERED)
    assert place.rows() == place.lake.rows()
    assert all(check.ok for check in reconciled(place))


def test_a_full_load_that_is_asked_for_mends_the_version_that_is_there(place: Place) -> None:
    place.lake.append(bars(range(5)))
    place.load(full=True)
    place.tamper("DELETE FROM tiny")
    assert place.load(full=True).receipt.reason == "asked for"
    assert place.rows() == place.lake.rows()


def test_a_table_that_was_dropped_in_the_warehouse_is_made_again(place: Place) -> None:
    place.lake.append(bars(range(5)))
    place.load()
    place.tamper("DROP TABLE tiny")
    assert place.load().receipt.reason == "the warehouse had no such table"
    assert place.rows() == place.lake.rows()


def test_a_table_that_was_made_anew_at_its_place_is_loaded_in_full(place: Place) -> None:
    place.lake.append(bars(range(10)))
    place.lake.append(bars(range(10, 20)))
    place.load()
    shutil.rmtree(place.lake.path)
    place.lake.append(bars(range(5), volume=3))
    place.lake.append(bars(range(5, 7)))
    receipt = place.load().receipt
    assert (receipt.mode, receipt.from_version, receipt.to_version) == ("full", -1, 1)
    assert receipt.reason == "the lake's table was made anew"
    assert place.rows() == place.lake.rows()
    newest, older = reconciled(place)
    assert (newest.ok, newest.note, older.ok) == (True, "", True)
    assert "loaded was" in older.note


def test_where_the_change_feed_is_gone_all_rows_are_loaded(place: Place) -> None:
    place.lake.append(bars(range(10)))
    place.load()
    place.lake.delete("symbol = 'S1'")
    for folder in Path(place.lake.path).glob("_change_data"):
        shutil.rmtree(folder)
    receipt = place.load().receipt
    assert (receipt.mode, receipt.reason) == (
        "full",
        "the change feed does not say what changed since version 0",
    )
    assert place.rows() == place.lake.rows()


def test_a_new_column_is_added_and_filled(place: Place) -> None:
    place.lake.append(bars(range(10)).drop_columns(["flags", "factor"]))
    place.load()
    place.lake.append(bars(range(10, 20)), schema_mode="merge")
    receipt = place.load().receipt
    assert (receipt.mode, receipt.reason) == ("full", "new columns: factor, flags")
    assert place.rows() == place.lake.rows()


def test_a_column_that_went_or_changed_its_type_is_refused_with_the_remedy(place: Place) -> None:
    place.lake.append(bars(range(10)))
    place.load()
    rows = bars(range(10)).drop_columns(["factor"])
    wider = rows.set_column(
        rows.schema.get_field_index("close"), "close", rows["close"].cast(pa.decimal128(28, 12))
    )
    place.lake.overwrite(wider, schema_mode="overwrite")
    with pytest.raises(
        SchemaError, match=r"(?s)close is .*factor is .*the lake's is gone.*RENAME TO tiny_old"
    ) as said:
        place.load()
    assert said.value.exit_code == 1
    assert place.load(version=0).is_new is False


def test_a_version_that_vacuum_should_have_kept_is_said_to_be_lost(place: Place) -> None:
    place.lake.append(bars(range(5)))
    place.load()
    place.lake.overwrite(bars(range(5, 9)))
    place.load()
    place.lake.table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    newest, older = reconciled(place)
    assert (newest.ok, newest.note, newest.with_warehouse) == (True, "", True)
    assert (older.differs, older.with_warehouse) == (["the lake's files"], False)
    assert older.note.startswith("the lake has the version no longer")


def test_an_old_version_that_the_lake_has_no_longer_is_compared_by_its_receipt(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.lake.append(bars(range(5)))
    place.load()
    place.lake.overwrite(bars(range(5, 9)))
    place.lake.table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    monkeypatch.setattr(reconcile, "KEPT", timedelta(0))
    (check,) = reconciled(place)
    assert (check.ok, check.with_warehouse) == (True, True)
    place.tamper("UPDATE tiny SET volume = 1 WHERE volume = 100")
    (check,) = reconciled(place)
    assert check.differs == ["volume"]


def test_rows_without_a_key_and_rows_that_are_there_twice_are_shown(place: Place) -> None:
    place.lake.append(bars(range(5)))
    place.load()
    place.tamper("INSERT INTO tiny (symbol) VALUES ('S9')")
    place.tamper("INSERT INTO tiny SELECT * FROM tiny WHERE symbol = 'S1'")
    (check,) = reconciled(place)
    assert [str(difference) for difference in check.first] == [
        "S1 2026-11-24T14:31:00.000001Z: 2 times in the warehouse",
        "S9 None: only in the warehouse",
    ]


def test_receipts_that_were_edited_are_found(place: Place) -> None:
    place.lake.append(bars(range(5)))
    place.load()
    place.lake.append(bars(range(5, 9)))
    place.load()
    place.tamper("DELETE FROM lake_loads WHERE to_version = 1")
    newest, older = reconciled(place)
    assert (newest.differs, newest.with_warehouse, older.ok) == (["receipts"], True, True)
    with pytest.raises(WarehouseError, match="holds 0 receipts of it"):
        place.load()
    assert place.load(full=True).is_new
    assert all(check.ok for check in reconciled(place))


@pytest.mark.parametrize("edit", ["DROP TABLE tiny", "ALTER TABLE tiny DROP COLUMN volume"])
def test_a_load_that_died_after_it_made_a_table_is_not_taken_for_one_that_ended(
    place: Place, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    place.lake.append(bars(range(5)))
    place.load()
    place.tamper(edit)

    def die(*_: object) -> None:
        raise OSError("the network went away")

    with monkeypatch.context() as patch:
        patch.setattr(LakeVersion, "write_all", die)
        with pytest.raises(OSError, match="went away"):
            place.load()
    again = place.load()
    assert (again.is_new, again.receipt.mode) == (True, "full")
    assert {key for row in place.rows() for key in row} == set(SCHEMA.names)
    assert len(place.rows()) == 5
    assert all(check.ok for check in reconciled(place))


def test_a_file_that_the_lake_has_lost_is_no_table_that_is_not_there_yet(place: Place) -> None:
    place.lake.append(bars(range(5)))
    for file in Path(place.lake.path).glob("*.parquet"):
        file.unlink()
    with pytest.raises(LostFilesError, match=r"files of version 0 of gold\.tiny are gone"):
        place.load()
