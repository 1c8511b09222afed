"""A minute explained: what it says of the quotes is what the tables hold, by another way of asking."""

import base64
import json
from typing import Any

import pytest

from tests.builders import DAY
from tests.stack import Stack, call

BARS = """SELECT strftime(bar_start, '%Y-%m-%dT%H:%MZ') AS at, open, close, volume, quote_count FROM gold.bars_1m
WHERE symbol = 'AAPL' ORDER BY bar_start"""

FRAME = """SELECT try(decode(value)) AS value,
    hex(list_filter(headers, lambda h: h.key = 'vendor_frame')[1].value) AS frame
FROM bronze.quotes WHERE partition = {partition} AND "offset" = {offset}"""
# the messages of AAPL that were not rejected, of the session's quotes
ACCEPTED = """SELECT count(*) FROM bronze.quotes b
WHERE try(decode(key)) = 'AAPL' AND contains(try(decode(value)), '"event_time_us":16939')
AND (partition, "offset") NOT IN (SELECT (partition, "offset") FROM silver.rejected)"""


def explained(*arguments: str) -> dict[str, Any]:
    code, out, err = call("explain", *arguments, "--json")
    assert code == 0, out + err
    return dict(json.loads(out))


def test_a_minute_is_followed_to_its_messages(lake: Stack) -> None:
    repeated = 0
    bars = [bar for bar in lake.sql(BARS) if bar["at"] >= f"{DAY:%Y-%m-%d}"]
    assert len(bars) == 3
    for bar in bars:
        tree = explained("AAPL", bar["at"])
        (one,) = tree["sources"]
        quotes = one["quotes"]
        assert (tree["problems"], one["source"], len(quotes)) == ([], "generated", int(bar["quote_count"]))
        givers = {name: quote for quote in quotes for name in quote["gives"]}
        assert [float(givers[name]["price"]) for name in ("open", "close")] == [
            float(bar["open"]),
            float(bar["close"]),
        ]
        assert sum(quote["rise"] for quote in quotes) == int(bar["volume"])
        repeated += sum(len(quote["duplicates"]) for quote in quotes)
        # the frame is what stands in bronze at this coordinate
        first = quotes[0]
        (sent,) = lake.sql(FRAME.format(**first))
        assert first["event_id"] in sent["value"]
        assert base64.b64decode(first["vendor_frame"]).hex().upper() == sent["frame"]
    # every message of AAPL of these minutes is a quote, a duplicate, or rejected
    known = lake.one("SELECT count(*) FROM silver.quotes WHERE symbol = 'AAPL' AND session = '2023-09-05'")
    assert repeated == int(lake.one(ACCEPTED)) - int(known) > 0


def test_people_get_a_tree_of_a_hundred_columns(lake: Stack) -> None:
    at = lake.sql(BARS)[-1]["at"]
    code, out, _ = call("explain", "aapl", at, "--frames")
    assert code == 0
    assert "generated in gold.bars_1m" in out
    assert "open" in out
    assert "rejected messages of this minute" in out
    frames = {line for line in out.splitlines() if len(line) > 100}
    assert all(" " not in line.rpartition("── ")[2].strip() for line in frames)


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("2023-09-05T14:00Z", "no quote of this minute was accepted"),
        ("2023-09-05T06:00Z", "outside the hours"),
        ("2023-09-04T14:00Z", "2023-09-04 was no session of XNAS"),
    ],
)
def test_a_minute_without_a_bar_says_what_is_known_and_is_exit_code_42(when: str, told: str) -> None:
    code, out, _ = call("explain", "AAPL", when)
    assert code == 42
    assert told in out
    assert "the nearest bars are of" in out


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["AAPL", "soon"], "neither a day nor a minute\nfound: soon"),
        (["AAPL", "2023-02-30"], "neither a day nor a minute"),
        (["AAPL", "2023-09-05T25:00Z"], "neither a day nor a minute"),
        (["AAPL", "2999-01-01"], "nothing is known of the future"),
        (["APPL", "2023-09-05T13:30Z"], "no instrument is called APPL\nfound: near it: AAPL"),
        (["mine:AA", "2023-09-05T13:30Z"], "no instrument is called mine:AA\nfound: nothing near it"),
        (["AAPL", "2023-09-05"], "there is nothing to explain a day by"),
    ],
)
def test_a_question_that_cannot_be_answered_is_exit_code_2(arguments: list[str], message: str) -> None:
    code, out, err = call("explain", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "remedy: " in err


def test_an_empty_lake_says_that_there_is_nothing(stack: Stack) -> None:
    code, _, err = call("explain", "AAPL", "2023-09-05T13:30Z")
    assert code == 2
    assert "there is nothing to explain a minute by" in err
    assert stack.topic
