"""Yahoo's charts in another form: what is lost or retyped is refused by its name, what is new is named."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from producers.chart_tables import render_actions, render_bars, unknown_columns, unknown_events
from tests.vendors.yahoo_http import chart

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DIVIDEND = {"dividends": {"1795530600": {"date": 1_795_530_600, "amount": 0.25}}}


def changed(change: Callable[[Any], Any]) -> bytes:
    """The body of a chart of two days and a dividend, after a change of its result."""
    days = [("2026-11-23T14:30", 430.25, 1000), ("2026-11-24T14:30", 431.5, 2000)]
    content = chart("AAPL", days, events=json.loads(json.dumps(DIVIDEND)))
    change(content["chart"]["result"][0])
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda found: found.pop("timestamp"), "lost_timestamp"),
        (lambda found: found["indicators"]["quote"][0].pop("volume"), "lost_volume"),
        (lambda found: found["indicators"]["adjclose"][0].clear(), "lost_adjclose"),
        (lambda found: found["indicators"]["quote"][0].update(close=[1]), "retyped_close"),
        (lambda found: found["indicators"]["quote"][0].update(close=["1", "2"]), "retyped_close"),
    ],
)
def test_a_column_that_is_lost_or_retyped_is_named(change: Callable[[Any], Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        render_bars(changed(change), fetched_at=NOW)


@pytest.mark.parametrize(
    ("event", "name"),
    [({"date": 1}, "lost_dividends.amount"), ({"date": 1, "amount": "0.25"}, "retyped_dividends.amount")],
)
def test_a_number_of_an_action_that_is_lost_or_retyped_is_named(event: dict[str, Any], name: str) -> None:
    body = changed(lambda found: found["events"].update(dividends={"1": event}))
    with pytest.raises(ValueError, match=name):
        render_actions(body)


def test_what_is_new_is_named_and_changes_nothing() -> None:
    body = changed(
        lambda found: found["events"].update(newKind=[1]) or found["indicators"]["quote"][0].update(vwap=[1])
    )
    assert (unknown_columns(body), unknown_events(body)) == (["quote.vwap"], ["events.newKind"])
    as_it_was = changed(lambda found: None)
    assert render_bars(body, fetched_at=NOW) == render_bars(as_it_was, fetched_at=NOW)
    assert render_actions(body) == render_actions(as_it_was)
