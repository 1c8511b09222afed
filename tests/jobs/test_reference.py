"""Who was called what when, and when exchanges were open, as tables that follow their file and calendars."""

import json
from pathlib import Path

import pytest

from jobs.lake.reference import publish_reference
from jobs.lake.settle import Settled
from tests.stack import Stack, call, no_spark


def publish(stack: Stack) -> list[Settled]:
    return publish_reference(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False)


@pytest.mark.long
def test_the_reference_is_published_once(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instruments, sessions = publish(stack)
    assert (instruments.inserted, sessions.inserted > 20_000) == (13, True)
    again = publish_reference(stack.settings, start_spark=no_spark)
    assert [(one.inserted, one.version) for one in again] == [(0, None), (0, None)]
    assert [one.untouched for one in again] == [instruments.inserted, sessions.inserted]
    code, out, _ = call(
        "sql",
        "--format",
        "json",
        "SELECT symbol, valid_to::VARCHAR AS valid_to FROM gold.instruments WHERE instrument_id = 'us-meta' "
        "ORDER BY valid_from",
    )
    assert code == 0
    assert json.loads(out) == [
        {"symbol": "FB", "valid_to": "2022-06-09"},
        {"symbol": "META", "valid_to": None},
    ]
    hours = "SELECT count(*) FROM gold.sessions WHERE mic = 'XNAS' AND year(session) = 2026 {}"
    assert stack.one(hours.format("")) == "251"
    assert stack.one(hours.format("AND is_early_close")) == "2"
    file = tmp_path / "instruments.yaml"
    file.write_text(stack.settings.instruments.read_text().replace("symbol: TSLA,", "symbol: TSLX,"))
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(file))
    assert publish(stack)[0].updated == 1
