"""`tapehouse live` beside a streamer on loopback; what becomes of its frames tests/test_recorded_stream.py shows."""

import json
from pathlib import Path

import pytest

from producers.yahoo_frames import encode_frame
from tests.secret_search import SECRET
from tests.stack import Stack, call
from tests.tapehouse.always_open import quotes_of_today, write_budgets, write_instruments
from tests.vendors.alpha_vantage import AlphaVantageServer
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
        monkeypatch.setenv("ALPHAVANTAGE_API_KEY", "")  # as a line of .env without a value: no second source
        tape = tmp_path / "tape"
        code, out, err = call(
            "live", "--symbols", "BRK.B,fb", "--minutes", "0.08", "--record", tape, "--json"
        )
        assert code == 0, err
        assert server.clients[0].said[0] == {"subscribe": ["BRK-B", "META"]}
    counts = json.loads(out)
    assert counts["seconds"] >= 4
    assert "quotes_of_alpha_vantage" not in counts
    assert {name: counts[name] for name in ("frames", "quotes", "acknowledged", "refused", "reconnects")} == {
        "frames": 100,
        "quotes": 100,
        "acknowledged": 100,
        "refused": 0,
        "reconnects": 0,
    }
    assert len(tape.read_text().splitlines()) == 101


@pytest.mark.long
def test_with_a_key_the_quotes_of_alpha_vantage_come_beside_the_stream(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del stack  # its environment is what the command finds
    answers = quotes_of_today("BTC")
    monkeypatch.setenv(
        "TAPEHOUSE_INSTRUMENTS", str(write_instruments(tmp_path, ["BTC"], of_yahoo_only=["ETH"]))
    )
    monkeypatch.setenv("TAPEHOUSE_BUDGETS", str(write_budgets(tmp_path, live=1000)))
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", SECRET)
    frame = encode_frame(id="BTC-USD", price=10.5, time=1_693_929_600_000, market_hours=1)
    with (
        YahooStreamer(plays([("BTC-USD", frame)])) as streamer,
        AlphaVantageServer(answers, key=SECRET) as server,
    ):
        monkeypatch.setenv("TAPEHOUSE_YAHOO_STREAM_URL", streamer.url)
        monkeypatch.setenv("TAPEHOUSE_ALPHA_VANTAGE_URL", server.url)
        code, out, err = call("live", "--symbols", "BTC,ETH", "--minutes", "0.08", "--json")
        assert code == 0, err
        # the only one that both vendors know
        assert {query["symbol"] for query in server.asked} == {"BTC"}
    counts = json.loads(out)
    assert counts["quotes_of_alpha_vantage"] >= 1
    assert counts["acknowledged"] == counts["quotes"] + counts["quotes_of_alpha_vantage"]


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
