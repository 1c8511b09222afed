"""Quotes without a time through Kafka, the stream and its tables: kept once, verified, rebuilt, and in no bar."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.lake.stop import StopRequest
from producers.events import DayQuote, Message
from tests.builders import begun_sessions, line
from tests.stack import Stack, call

COUNTS = """
SELECT count(*) AS quotes, count(event_time) AS timed, count(DISTINCT session) AS sessions,
    string_agg(DISTINCT segment, ' ' ORDER BY segment) AS segments
FROM silver.quotes
"""


def message(quote: DayQuote) -> Message:
    return Message(quote.source, b"body", None, day_quote=quote)


@pytest.mark.long
def test_quotes_without_a_time_are_in_silver_once_and_in_no_bar(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = begun_sessions()
    quote = DayQuote("alpha_vantage", "AAPL", f"{begun[-1]}", "189.5", 1000)
    earlier = replace(quote, trading_day=f"{begun[-2]}")
    too_old = replace(quote, trading_day=f"{begun[-12]}")
    stack.send([message(quote), message(quote), message(too_old)])
    stack.drain()  # the first batch of all, and nothing in it has a time
    assert stack.one("SELECT count(*) FROM gold.bars_1m") == "0"
    stack.send([line("14:30:01"), message(quote), line("14:31:01", "11"), message(earlier), message(quote)])
    stack.drain(max_offsets=3)
    stack.send([message(replace(quote, price="190")), line("14:31:01", "11"), message(earlier)])
    stack.drain()
    (counts,) = stack.sql(COUNTS)
    assert counts == {"quotes": "5", "timed": "2", "sessions": "3", "segments": "from_open untimed"}
    assert stack.sql("SELECT violations FROM silver.rejected") == [{"violations": "['old']"}]
    bars = stack.sql("SELECT source, quote_count FROM gold.bars_1m")
    assert bars == [{"source": "yahoo_recording", "quote_count": "1"}] * 2
    code, report, errors = call("verify")
    assert code == 0, report + errors
    assert "sessions [2023-09-05, 2023-09-06)" in report  # the newest that has bars
    monkeypatch.setattr(StopRequest, "listen", lambda *_: None)  # the signals are those of the tests
    after = begun[-1] + timedelta(1)
    code, out, errors = call("rebuild", "--from", f"{begun[-2]}", "--to", f"{after}", "--json")
    assert code == 0, errors
    changes = [(each["inserted"], each["updated"], each["deleted"]) for each in json.loads(out)]
    assert set(changes) == {(0, 0, 0)}
