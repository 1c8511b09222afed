"""A drill: Yahoo changes its frames. Nothing is lost, what cannot be used is rejected by name, and somebody is told."""

import json
import time
from contextlib import closing

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from jobs.lake.alerts import Alerts
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings
from producers.tally import Tally
from producers.yahoo_frames import encode_frame
from tapehouse.drift import CHANGED, QUIET_STREAM, UNKNOWN, DriftAlerts
from tapehouse.ledger_watch import LedgerWatch
from tapehouse.services.ports import find_ports
from tests.stack import Stack, call
from tests.vendors.drifted_frames import reframed
from tests.vendors.yahoo_stream import YahooStreamer, plays


def good(second: int, **changes: float) -> bytes:
    fields = {"price": 10.5, "time": 1_693_929_600_000 + 1000 * second, "market_hours": 1}
    return encode_frame(id="AAPL", **fields | changes)


FRAMES = [
    good(1),
    reframed(good(2), b"\x98\x06\x05"),
    good(3, price=0),
    reframed(good(4, time=0), b"\x1a\x01x"),
]
OPENED = {(UNKNOWN, "unknown_message.99"), (CHANGED, "lost_price"), (CHANGED, "retyped_time")}


@pytest.fixture
def no_alerts(stack: Stack) -> None:
    with closing(Alerts(stack.settings)) as alerts:
        assert alerts.are_open() == []


@pytest.mark.long
@pytest.mark.usefixtures("no_alerts")
def test_frames_in_another_form_are_kept_rejected_by_name_and_told_of(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = find_ports(["metrics"])["metrics"]
    with YahooStreamer(plays([("AAPL", frame) for frame in FRAMES])) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_STREAM_URL", server.url)
        options = ("--minutes", "0.15", "--metrics-port", metrics, "--json")
        code, out, err = call("live", "--symbols", "AAPL", *options)
    assert code == 0, err
    assert json.loads(out)["quotes"] == 2
    stack.drain()
    assert stack.one("SELECT count(*) FROM silver.quotes") == "2"
    named = "list_filter(headers, lambda h: h.key = 'unknown_fields')[1].value::VARCHAR AS names"
    assert {row["names"] for row in stack.sql(f"SELECT {named} FROM bronze.quotes")} == {"", "message.99"}
    rejected = stack.sql("SELECT array_to_string(violations, ' ') AS rules FROM silver.rejected ORDER BY 1")
    assert [row["rules"] for row in rejected] == ["lost_price", "retyped_time"]
    code, report, err = call("verify")
    assert code == 0, report + err
    code, out, _ = call("status", "--json")
    told = {
        (alert["name"], alert["subject"].removeprefix("yahoo_recording stream "))
        for alert in json.loads(out)["alerts"]
    }
    assert (code, told) == (1, OPENED)
    shown = {
        name: REGISTRY.get_sample_value("tapehouse_alert_open", {"name": name}) for name in (UNKNOWN, CHANGED)
    }
    assert shown == {UNKNOWN: 1, CHANGED: 2}
    left = {"source": "alpha_vantage", "purpose": "live"}
    assert REGISTRY.get_sample_value("tapehouse_calls_left", left) is not None
    close_after_an_hour(stack)
    code, out, _ = call("status", "--json")
    assert (code, json.loads(out)["alerts"]) == (0, [])


def close_after_an_hour(stack: Stack) -> None:
    """Another run, in which one of the changes is seen once more; the clock is the test's."""
    now = [0.0]
    lost_price = "yahoo_recording stream lost_price"
    with closing(Alerts(stack.settings)) as alerts:

        def open_after(drift: dict[str, float], *, frames_come: bool) -> list[str]:
            watch.look(alerts, drift, frames_come=frames_come)
            return sorted(alert.subject for alert in alerts.are_open())

        watch = DriftAlerts("yahoo_recording", clock=lambda: now[0])
        assert len(open_after({}, frames_come=True)) == len(OPENED)
        age(stack, QUIET_STREAM + 1)
        now[0] = 1.0
        # while nothing comes nothing is closed; what is seen again is new again
        assert len(open_after({"lost_price": 1.0}, frames_come=False)) == len(OPENED)
        assert open_after({"lost_price": 1.0}, frames_come=True) == [lost_price]
        age(stack, QUIET_STREAM + 1)
        assert open_after({"lost_price": 1.0}, frames_come=True) == []
        # once closed it stays closed, until such a frame comes again
        now[0] = QUIET_STREAM
        assert open_after({"lost_price": 1.0}, frames_come=False) == []
        assert open_after({"lost_price": 1.0}, frames_come=True) == []
        assert open_after({"lost_price": now[0]}, frames_come=True) == [lost_price]
        age(stack, QUIET_STREAM + 1)
        assert open_after({}, frames_come=True) == []


def age(stack: Stack, seconds: float) -> None:
    """As if all alerts had been told of so much earlier."""
    connection = Connection(stack.settings)
    connection.execute("UPDATE alerts SET seen_at = seen_at - make_interval(secs => %s)", (seconds,))
    connection.close()


def test_a_ledger_that_is_away_does_not_hold_up_the_stream() -> None:
    away = Settings.model_construct(
        ledger_host="127.0.0.1",
        ledger_port=9,
        ledger_database="none",
        ledger_user="nobody",
        ledger_password=SecretStr(""),
    )
    began = time.monotonic()
    with LedgerWatch(away, {"yahoo_recording": Tally()}):
        pass
    assert time.monotonic() - began < 5
