"""doctor says what is wrong, with a remedy, and nothing that is secret."""

import json
from typing import Any

import pytest

from tests.secret_search import SECRET
from tests.stack import Stack, call
from tests.vendors.alpha_vantage import AlphaVantageServer


@pytest.fixture(autouse=True)
def no_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves this machine."""
    monkeypatch.setenv("TAPEHOUSE_YAHOO_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TAPEHOUSE_YAHOO_STREAM_URL", "ws://127.0.0.1:9")
    monkeypatch.setenv("TAPEHOUSE_ALPHA_VANTAGE_URL", "http://127.0.0.1:9")


def examined(*, expect: int) -> dict[str, dict[str, Any]]:
    code, out, err = call("doctor", "--json")
    assert code == expect, out + err
    return {check["name"]: check for check in json.loads(out)}


def test_services_that_answer_are_fine_and_a_key_is_not_shown(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stack  # its environment is what the command finds
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", SECRET)
    with AlphaVantageServer({}) as server:
        monkeypatch.setenv("TAPEHOUSE_ALPHA_VANTAGE_URL", server.url)
        checks = examined(expect=0)
        assert server.asked == []  # no call was spent
    for name in (
        "Java",
        "disk",
        "Kafka",
        "S3 store",
        "PostgreSQL",
        "conf/instruments.yaml",
        "conf/budgets.yaml",
    ):
        assert checks[name]["state"] == "ok", checks[name]
    assert "clocks 0." in checks["PostgreSQL"]["found"]
    assert checks["Alpha Vantage"]["state"] == "ok"
    assert checks["Yahoo's history"]["state"] == "warning"
    assert checks["Yahoo's history"]["remedy"]
    assert checks["ALPHAVANTAGE_API_KEY"]["found"] == "set"
    assert SECRET not in json.dumps(checks)


@pytest.mark.parametrize(
    ("setting", "value", "name"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong", "S3 store"),
        ("PGPASSWORD", "wrong", "PostgreSQL"),
        pytest.param("TAPEHOUSE_KAFKA_BOOTSTRAP", "127.0.0.1:9", "Kafka", marks=pytest.mark.long),
        ("TAPEHOUSE_BUDGETS", "/nonexistent/budgets.yaml", "conf/budgets.yaml"),
    ],
)
def test_what_does_not_work_is_named_with_a_remedy(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, name: str
) -> None:
    del stack  # its environment is what the command finds
    monkeypatch.setenv(setting, value)
    checks = examined(expect=1)
    assert checks[name]["state"] == "failed"
    assert checks[name]["remedy"]
    assert [other for other, check in checks.items() if check["state"] == "failed"] == [name]
