"""All boxes together: none is green of which nothing is known, and the sum tells what is wrong in each."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tapehouse.web.health import Health
from tapehouse.web.listings import Listings
from tapehouse.web.looks import Operations
from tapehouse.web.market import Market
from tests.web.lake import PageLake, live_bar

NOTHING = Operations([], [], [], [], [])
WHEN = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
FOLLOWING_DAYS = (
    "    listings:",
    "    follow: [{source: yahoo, dataset: 1d, from: 2020-01-01}]\n    listings:",
)
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
    now = datetime.now(UTC)
    lake.write("gold.bars_1d", [{"session": now.date() - timedelta(days=20)}])
    settings = lake.settings
    health = Health(settings, Market(settings), Listings(settings), lambda: None)
    operations = health.watches["operations"]

    def state(closed_at: datetime | None) -> str:
        operations.look = lambda: NOTHING._replace(closed_at=closed_at)
        for name in ("listings", "operations", "tables"):
            health.watches[name].look_once()
        return str(boxes_of(health)["tables"]["state"])

    assert [state(now), state(now)] == ["ok", "ok"]
    settings.instruments.write_text(settings.instruments.read_text().replace(*FOLLOWING_DAYS, 1))
    # the calendar of the DAGs is read once it was asked for
    assert (state(now), state(now)) == ("ok", "late")
    told = [line["name"] for line in boxes_of(health)["sum"]["lines"]]
    assert any(line.startswith("gold.bars_1d ends with") for line in told)
    assert state(None) != "late"


def test_what_is_followed_is_expected_though_it_never_came(tmp_path: Path) -> None:
    lake = PageLake.in_folder(tmp_path)
    settings = lake.settings
    of_crypto = "instrument_id: crypto-x\n"
    follow = "    follow: [{source: yahoo, dataset: stream, from: 2020-01-01}]\n"
    settings.instruments.write_text(settings.instruments.read_text().replace(of_crypto, of_crypto + follow))
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
