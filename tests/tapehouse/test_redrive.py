"""Rejected messages are sent again once their instrument is known, and count once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from producers.events import Message
from tapehouse.paths import ROOT
from tests.builders import SOURCE, quote
from tests.stack import Stack, call

BARS = "SELECT symbol, bar_start, open, high, low, close, volume, quote_count FROM gold.bars_1m ORDER BY 1, 2"
LINES = (
    "14:30:01 AAPL 10 100",
    "14:30:02 AMD 20 1000",
    "14:30:40 AMD 21 1500",
    "14:31:05 AMD 19 1600",
    "14:31:30 AAPL 11 150",
)
NOT_KNOWN = ("--rule", "unknown_instrument")


def messages() -> list[Message]:
    return [Message(SOURCE, f"frame of {line}".encode(), quote(line)) for line in LINES]


def redrive(*options: str) -> dict[str, int]:
    code, out, err = call("redrive", *options, "--json")
    assert code == 0, err
    return dict(json.loads(out))


@pytest.mark.long
def test_what_is_sent_again_lands_as_if_it_had_been_known_from_the_start(
    new_stack: Callable[[], Stack], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (ROOT / "conf" / "instruments.yaml").read_text()
    known_from_the_start = new_stack()
    known_from_the_start.send(messages())
    known_from_the_start.drain()
    expected = known_from_the_start.sql(BARS)
    assert len(expected) == 4

    instruments = tmp_path / "instruments.yaml"
    instruments.write_text(whole.replace("symbol: AMD", "symbol: XYZ").replace("yahoo: AMD", "yahoo: XYZ"))
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(instruments))
    stack = new_stack()
    stack.send(messages())
    stack.drain()
    assert stack.one("SELECT count(*) FROM silver.rejected") == "3"
    assert redrive("--rule", "malformed") == {"rejected": 0, "sent": 0, "skipped": 0, "refused": 0}
    code, _, err = call("redrive", "--rule", "unknown_instruments")
    assert code == 2
    assert "near it: unknown_instrument" in err

    instruments.write_text(whole)
    assert redrive(*NOT_KNOWN) == {"rejected": 3, "sent": 3, "skipped": 0, "refused": 0}
    # on the way to bronze, and in it: nothing is sent twice
    assert redrive(*NOT_KNOWN)["sent"] == 0
    stack.drain()
    assert redrive("--since", "2020-01-01T00:00Z")["sent"] == 0
    assert stack.sql(BARS) == expected
    assert stack.one("SELECT count(*) FROM silver.rejected") == "3"
    code, report, errors = call("verify")
    assert code == 0, report + errors
    # its bytes are the original's, and it says whose they are
    rows = stack.sql(
        "SELECT count(DISTINCT value) AS texts, count(*) AS n, count(DISTINCT kafka_time) AS times FROM bronze.quotes "
        "WHERE decode(key) = 'AMD'"
    )
    assert rows == [{"texts": "3", "n": "6", "times": rows[0]["times"]}]
    assert redrive(*NOT_KNOWN, "--again")["sent"] == 3


def test_what_is_to_be_sent_again_must_be_said(stack: Stack) -> None:
    del stack  # its environment is what the command finds
    code, _, err = call("redrive")
    assert code == 2
    assert "--rule" in err
