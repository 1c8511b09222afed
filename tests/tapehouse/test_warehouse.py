"""From the stream's bars to the warehouse and back, by the commands that people use, on the run's own services."""

import contextlib
import csv
import io
import json
from pathlib import Path

import duckdb
import pytest

from jobs import load_warehouse
from jobs.lake.postgres import Connection
from tapehouse.measuring.lake import Lake
from tapehouse.measuring.warehouse import WarehousePart
from tapehouse.services.instance import Instance
from tapehouse.vendors import s3_client
from tests.monitoring.lakehouse import only_reading
from tests.stack import Stack, call

BARS = "gold.bars_1m"
NAMES = "source, instrument_id, bar_start, open, high, low, close, volume, vwap, is_final, revision"


@pytest.fixture
def loaded(lake: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The lake's bars in a warehouse of the test's own."""
    monkeypatch.setenv("TAPEHOUSE_WAREHOUSE_FOLDER", str(tmp_path / "warehouse"))
    code, out, err = call("load", BARS)
    assert code == 0, err
    assert out.startswith(f"{BARS} is version ")
    return lake


def test_the_warehouse_answers_what_the_lake_does(loaded: Stack) -> None:
    query = f"SELECT {NAMES} FROM {BARS} ORDER BY source, instrument_id, bar_start"
    code, out, err = call("sql", "--warehouse", query, "--format", "csv")
    assert code == 0, err
    version = json.loads(call("receipts", BARS, "--limit", "1", "--json")[1])[0]["to_version"]
    # times are in UTC there, without a zone
    inside = [row | {"bar_start": f"{row['bar_start']}Z"} for row in csv.DictReader(io.StringIO(out))]
    assert inside == loaded.sql(query, "--as-of", f"{BARS}={version}")
    assert len(inside) > 0


@pytest.mark.usefixtures("loaded")
def test_a_second_load_changes_nothing_and_says_so() -> None:
    code, out, _ = call("load", BARS)
    assert (code, out.count("already: nothing to do")) == (0, 1)
    code, out, _ = call("load", "--all", "--json")
    assert (code, [(one["table_name"], one["is_new"]) for one in json.loads(out)]) == (0, [(BARS, False)])


def test_receipts_are_in_the_ledger_too_even_if_a_loader_died_before_it_told(loaded: Stack) -> None:
    (first,) = json.loads(call("receipts", BARS, "--limit", "1", "--json")[1])
    assert first["columns"][0] == ["source", "text"]
    with contextlib.closing(Connection(loaded.settings)) as ledger:
        ledger.execute("DELETE FROM loads WHERE load_id = %s", (first["load_id"],))
    assert call("load", BARS)[0] == 0
    (again,) = json.loads(call("receipts", BARS, "--limit", "1", "--json")[1])
    assert again == first
    assert first["load_id"] in call("receipts", BARS)[1]


def test_reconcile_says_what_differs_and_ends_with_1(loaded: Stack) -> None:
    code, out, _ = call("reconcile")
    assert code == 0
    assert out.startswith(f"ok      4  {BARS} = version ")
    published = loaded.settings.warehouse_folder / "warehouse.duckdb"
    with duckdb.connect(str(published)) as warehouse:
        warehouse.execute("UPDATE gold.bars_1m SET close = close + 0.000001 WHERE symbol = 'AAPL'")
    code, out, _ = call("reconcile", BARS)
    assert code == 1
    assert out.startswith("FAILED  4")
    assert "differ in close" in out
    assert "in the lake" in out
    assert json.loads(call("reconcile", "--json")[1])[0]["checks"][0]["differs"] == ["close"]


def test_what_a_comparison_found_is_measured(loaded: Stack) -> None:
    settings = loaded.settings

    def equal() -> list[float]:
        found = WarehousePart(settings, Lake(settings)).look()
        return [s.value for s in found if s.name == "tapehouse_reconcile_equal" and s.labels == (BARS,)]

    assert call("reconcile")[0] == 0
    assert equal() == [1]
    with duckdb.connect(str(settings.warehouse_folder / "warehouse.duckdb")) as warehouse:
        warehouse.execute("DELETE FROM gold.bars_1m WHERE symbol = 'AAPL'")
    assert call("reconcile")[0] == 1
    assert equal() == [0]


@pytest.mark.usefixtures("loaded")
def test_who_may_only_read_the_ledger_can_compare(services: Instance) -> None:
    with only_reading(services):
        code, out, err = call("reconcile", BARS)
    assert (code, out.split()[0]) == (0, "ok"), err
    assert err == "not kept in the ledger: this account may only read there\n"


def test_readers_see_whole_versions_while_loads_go_on(loaded: Stack) -> None:
    published = str(loaded.settings.warehouse_folder / "warehouse.duckdb")
    query = "SELECT count(*), min(version) FROM gold.bars_1m, gold.lake_heads"
    with duckdb.connect(published, read_only=True) as reader:
        seen = reader.execute(query).fetchall()
        for _ in range(10):
            code, _, err = call("load", BARS, "--full")
            assert code == 0, err
            assert reader.execute(query).fetchall() == seen
    code, out, _ = call("sql", "--warehouse", "SELECT count(*) AS n FROM lake_loads", "--format", "csv")
    assert (code, out.split()) == (0, ["n", "11"])


@pytest.mark.usefixtures("loaded")
def test_the_job_loads_without_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_warehouse.main(["--table", BARS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["is_new"] is False
    assert load_warehouse.main(["--table", "silver.quotes"]) == 2
    assert "silver.quotes is not loaded into the warehouse" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["load"], 2, "which tables are to be loaded?"),
        (["load", "--all", BARS], 2, "which tables are to be loaded?"),
        (["load", "--all", "--version", "1"], 2, "--version is of one table"),
        (["load", BARS, "--version", "99999"], 2, "has no version 99999"),
        (["load", "gold.bars_1d"], 2, "gold.bars_1d does not exist yet"),
        (["reconcile", "gold.bars_1d"], 2, "holds no receipt of gold.bars_1d"),
        (["receipts", "gold.sessions"], 2, "no load of gold.sessions"),
        (["sql", "--warehouse", "SELECT nothing FROM gold.bars_1m"], 2, "cannot be answered"),
        (["sql", "--warehouse", "SELECT 1", "--known-at", "2026-01-01"], 2, "--warehouse shows one version"),
        (["export", "--table", BARS, "--to", "/tmp/somewhere"], 2, "--to is no place in the S3 store"),
    ],
)
@pytest.mark.usefixtures("loaded")
def test_wrong_inputs_are_told(arguments: list[str], code: int, message: str) -> None:
    ended, _, err = call(*arguments)
    assert (ended, message in err) == (code, True), err


@pytest.mark.usefixtures("loaded")
def test_what_is_not_there_may_be_left_out() -> None:
    code, out, err = call("load", BARS, "gold.minutes", "--allow-empty")
    assert (code, out.count("already: nothing to do"), out.count("gold.minutes")) == (0, 1, 0)
    assert "left out: the lake has no gold.minutes\n" in err
    code, out, err = call("load", "gold.minutes", "gold.gaps", "--allow-empty")
    assert (code, out) == (0, "")
    assert "nothing to do: there is nothing to load (the lake has no gold.minutes, gold.gaps)\n" in err
    code, _, err = call("reconcile", "gold.minutes", "--allow-empty")
    assert (code, "nothing to do: the warehouse holds no receipt of gold.minutes" in err) == (0, True)


@pytest.mark.usefixtures("stack")
def test_a_lake_without_gold_and_an_empty_warehouse_are_no_fault_where_they_may_be() -> None:
    code, _, err = call("load", "--all", "--allow-empty")
    assert (code, "the lake has no table of gold yet" in err) == (0, True)
    code, _, err = call("reconcile", "--allow-empty")
    assert (code, "the warehouse holds no receipt of any table" in err) == (0, True)
    assert call("reconcile")[0] == 2


@pytest.mark.usefixtures("lake")
def test_an_empty_warehouse_is_said_to_be_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHOUSE_WAREHOUSE_FOLDER", str(tmp_path / "none"))
    code, _, err = call("sql", "--warehouse", "SELECT 1")
    assert (code, "nothing has been loaded into the warehouse yet" in err) == (2, True)


def test_an_export_is_exactly_the_live_rows_and_is_never_written_over(loaded: Stack) -> None:
    place = f"{loaded.environment['TAPEHOUSE_PROCESSED_URL']}/export"
    bucket, prefix = place.removeprefix("s3://").split("/", 1)
    code, out, err = call("export", "--table", BARS, "--to", place, "--json")
    assert code == 0, err
    manifest = json.loads(out)
    client = s3_client(loaded.settings)
    folder = loaded.settings.warehouse_folder
    for file in manifest["files"]:
        client.download_file(bucket, f"{prefix}/{file['name']}", str(folder / file["name"]))
    query = f"SELECT {NAMES} FROM {{}} ORDER BY source, instrument_id, bar_start"
    exported = duckdb.sql(query.format(f"read_parquet('{folder}/part-*.parquet')")).fetchall()
    assert len(exported) == manifest["rows"] > 0
    lake_rows = loaded.sql(query.format(BARS), "--as-of", f"{BARS}={manifest['version']}")
    assert [str(row[6]) for row in exported] == [row["close"] for row in lake_rows]
    assert "there already" in call("export", "--table", BARS, "--to", place)[1]
    code, _, err = call("export", "--table", BARS, "--version", "0", "--to", place)
    assert (code, "another export lies there" in err) == (2, True)
