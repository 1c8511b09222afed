"""A drill: Yahoo changes its frames. Nothing is lost, what cannot be used is rejected by name, and somebody is told."""

import json
from contextlib import closing

import pytest

from jobs.lake.alerts import Alerts
from producers.yahoo_frames import encode_frame
from tapehouse.drift import CHANGED, QUIET, UNKNOWN, DriftAlerts
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


@pytest.mark.usefixtures("no_alerts")
def test_frames_in_another_form_are_kept_rejected_by_name_and_told_of(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with YahooStreamer(plays([("AAPL", frame) for frame in FRAMES])) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_STREAM_URL", server.url)
        code, out, err = call("live", "--symbols", "AAPL", "--minutes", "0.05", "--json")
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
        (alert["name"], alert["subject"].removeprefix("yahoo_recording "))
        for alert in json.loads(out)["alerts"]
    }
    assert (code, told) == (1, OPENED)
    close_after_an_hour(stack)
    code, out, _ = call("status", "--json")
    assert (code, json.loads(out)["alerts"]) == (0, [])


def close_after_an_hour(stack: Stack) -> None:
    """Another run, in which one of the changes is seen once more; the clock is the test's."""
    now = [0.0]
    with closing(Alerts(stack.settings)) as alerts:
        drift = DriftAlerts(alerts, "yahoo_recording", clock=lambda: now[0])
        now[0] = QUIET / 2
        drift.look({"lost_price": now[0]}, frames_come=True)
        now[0] = QUIET + 1
        drift.look({"lost_price": QUIET / 2}, frames_come=False)
        assert len(alerts.are_open()) == len(OPENED)
        drift.look({"lost_price": QUIET / 2}, frames_come=True)
        assert [alert.subject for alert in alerts.are_open()] == ["yahoo_recording lost_price"]
        now[0] = 2 * QUIET
        drift.look({"lost_price": QUIET / 2}, frames_come=True)
        assert alerts.are_open() == []
