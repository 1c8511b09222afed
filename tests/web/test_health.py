"""All boxes together: none is green of which nothing is known, and the sum tells what is wrong in each."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.settings import Settings
from tapehouse.web.health import Health
from tapehouse.web.listings import Listings
from tapehouse.web.looks import Operations
from tapehouse.web.market import Market
from tests.web.lake import PageLake, live_bar

NOTHING = Operations([], [], [], [], [])
WHEN = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
FAILED = {"job": "load", "state": "failed", "started_at": WHEN, "ended_at": WHEN, "error": "no room"}


def test_with_every_service_away_each_box_is_unknown_and_none_is_green(tmp_path: Path) -> None:
    lake = PageLake.in_folder(tmp_path)
    settings = lake.settings
    health = Health(settings, Market(settings), Listings(settings), lambda: None)
    for name in ("job", "operations", "budgets", "warehouse"):
        health.watches[name].look_once()
    found = {box["id"]: box for box in health.boxes()}
    assert {found[name]["state"] for name in ("job", "feed", "alerts", "runs", "warehouse", "lag")} == {
        "unknown"
    }
    assert found["job"]["says"].startswith("unknown since ")
    assert "the ledger at 127.0.0.1:9 does not answer" in found["job"]["says"]
    assert found["sum"]["state"] == "failed"


def test_a_live_source_whose_exchange_is_closed_makes_nothing_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = PageLake.in_folder(tmp_path)
    lake.commit(live_bar(datetime.now(UTC) - timedelta(hours=3)))
    settings = lake.settings
    market = Market(settings)
    health = Health(settings, market, Listings(settings), lambda: None)
    health.watches["listings"].look_once()
    health.watches["bars"].look_once()
    health.watches["stream_tables"].look_once()

    def state() -> str:
        return next(str(box["state"]) for box in health.boxes() if box["id"] == "stream_tables")

    assert state() == "late"
    monkeypatch.setattr(Listings, "is_open", lambda self, venue, at: False)
    assert state() == "closed"


def boxes_of(health: Health) -> dict[str, dict[str, Any]]:
    return {box["id"]: box for box in health.boxes()}


def test_without_calendars_or_bars_nobody_knows_who_should_send(tmp_path: Path) -> None:
    lake = PageLake.in_folder(tmp_path)
    lake.commit(live_bar(datetime.now(UTC) - timedelta(hours=3)))
    settings = lake.settings
    health = Health(settings, Market(settings), Listings(settings), lambda: None)
    operations = health.watches["operations"]
    operations.look = lambda: NOTHING
    for name in ("bars", "operations", "stream_tables"):
        health.watches[name].look_once()
    assert {boxes_of(health)[name]["state"] for name in ("feed", "stream_tables")} == {"unknown"}
    for name in ("listings", "bars", "operations", "stream_tables"):
        health.watches[name].look_once()
    assert {boxes_of(health)[name]["state"] for name in ("feed", "stream_tables")} == {"late"}


def test_a_daily_table_is_late_while_its_days_are_followed_and_daily_close_runs(tmp_path: Path) -> None:
    lake = PageLake.in_folder(tmp_path)
    today = datetime.now(UTC).date()
    lake.write("gold.bars_1d", [{"session": today - timedelta(days=20)}])
    settings = lake.settings
    health = Health(settings, Market(settings), Listings(settings), lambda: None)
    operations = health.watches["operations"]

    def box(*closed: date) -> dict[str, Any]:
        operations.look = lambda: NOTHING._replace(closed=closed)
        for name in ("listings", "operations", "tables"):
            health.watches[name].look_once()
        return boxes_of(health)["tables"]

    some = tuple(today - timedelta(days=days) for days in range(5, 12))
    assert box(*some)["state"] == "ok"  # nothing is followed
    assert "promise" not in box(*some)["lines"][0]
    follow(settings, "us-apple", "1d")
    late = box(*some)
    assert late["state"] == "late"
    assert "6 h 30 min" in late["lines"][0]["promise"]
    told = [line["name"] for line in boxes_of(health)["sum"]["lines"]]
    assert any(line.startswith("gold.bars_1d ends with") for line in told)
    assert any(line.startswith("gold.indicators_1d has no row") for line in told)
    assert box()["state"] == "ok"  # no Airflow
    # the rows are told though nobody knows whether they are late: charts are read again by them
    operations.look = away
    operations.look_once()
    assert boxes_of(health)["tables"]["state"] == "unknown"
    assert boxes_of(health)["tables"]["lines"][0]["text"] == "1 rows, version 0"


def away() -> Operations:
    raise OSError("away")


def follow(settings: Settings, instrument: str, dataset: str) -> None:
    """Follow a dataset of Yahoo's from 2020 on."""
    known, name = settings.instruments.read_text(), f"instrument_id: {instrument}\n"
    added = f"    follow: [{{source: yahoo, dataset: {dataset}, from: 2020-01-01}}]\n"
    settings.instruments.write_text(known.replace(name, name + added))


def test_what_is_followed_and_was_never_listed_makes_unknown_who_should_send(tmp_path: Path) -> None:
    settings = PageLake.in_folder(tmp_path).settings
    health = Health(settings, Market(settings), Listings(settings), lambda: None)
    health.watches["operations"].look = lambda: NOTHING
    known = settings.instruments.read_text()
    settings.instruments.write_text(known.replace("vendor_symbols: {yahoo: X}", "vendor_symbols: {}"))
    follow(settings, "crypto-x", "stream")
    for name in ("listings", "bars", "operations"):
        health.watches[name].look_once()
    feed = boxes_of(health)["feed"]
    assert feed["state"] == "unknown"
    assert "crypto-x is followed by yahoo stream, which never listed it then" in feed["says"]


def test_what_is_followed_is_expected_though_it_never_came(tmp_path: Path) -> None:
    lake = PageLake.in_folder(tmp_path)
    settings = lake.settings
    follow(settings, "crypto-x", "stream")
    health = Health(settings, Market(settings), Listings(settings), lambda: None)
    operations = health.watches["operations"]
    operations.look = lambda: NOTHING
    for name in ("listings", "bars", "operations"):
        health.watches[name].look_once()
    assert boxes_of(health)["feed"]["state"] == "late"
    told = [line["name"] for line in boxes_of(health)["sum"]["lines"]]
    assert "no producer of yahoo is known: start `tapehouse live`" in told


def test_what_is_wrong_in_a_box_is_told_in_the_sum(tmp_path: Path) -> None:
    settings = PageLake.in_folder(tmp_path).settings
    health = Health(settings, Market(settings), Listings(settings), lambda: None)
    operations, warehouse = health.watches["operations"], health.watches["warehouse"]
    operations.look = lambda: NOTHING._replace(programs=[FAILED], today=1, failed=1)
    of = "gold.bars_1m"
    warehouse.look = lambda: {
        ("tapehouse_warehouse_version", of): 4.0,
        ("tapehouse_warehouse_behind_versions", of): 0.0,
        ("tapehouse_reconcile_equal", of): 0.0,
    }
    operations.look_once()
    warehouse.look_once()
    told = [line["name"] for line in boxes_of(health)["sum"]["lines"]]
    assert {"Warehouse: it differs from the lake", "Runs: 1 today, 1 failed"} <= set(told)
