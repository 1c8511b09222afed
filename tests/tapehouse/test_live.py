"""`tapehouse live` beside a streamer on loopback; what becomes of its frames tests/test_recorded_stream.py shows."""

import json
from pathlib import Path

import pytest

from producers.yahoo_frames import encode_frame
from tests.stack import Stack, call
from tests.vendors.yahoo_stream import YahooStreamer, plays

FRAMES = [
    (symbol, encode_frame(id=symbol, price=10.5, time=1_693_929_600_000 + 1000 * second, market_hours=1))
    for second in range(50)
    for symbol in ("AAPL", "BRK-B", "META")
]


def test_live_sends_what_it_subscribed_to_under_any_spelling_and_records_it(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stack  # its environment is what the command finds
    with YahooStreamer(plays(FRAMES)) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_STREAM_URL", server.url)
        tape = tmp_path / "tape"
        code, out, err = call(
            "live", "--symbols", "BRK.B,fb", "--minutes", "0.05", "--record", tape, "--json"
        )
        assert code == 0, err
        assert server.clients[0].said[0] == {"subscribe": ["BRK-B", "META"]}
    counts = json.loads(out)
    assert counts["seconds"] >= 3
    assert {name: counts[name] for name in ("frames", "quotes", "acknowledged", "refused", "reconnects")} == {
        "frames": 100,
        "quotes": 100,
        "acknowledged": 100,
        "refused": 0,
        "reconnects": 0,
    }
    assert len(tape.read_text().splitlines()) == 101


def test_an_unknown_symbol_ends_live_before_anything_is_asked_of_the_vendor(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stack  # its environment is what the command finds
    with YahooStreamer(plays([])) as server:
        monkeypatch.setenv("TAPEHOUSE_YAHOO_STREAM_URL", server.url)
        code, _, err = call("live", "--symbols", "APPL")
        assert code == 2
        assert "AAPL" in err
        assert server.clients == []
