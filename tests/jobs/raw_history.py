"""Objects of the raw bucket, as a fetch would have left them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from producers.raw_store import Fetched, Range
from tapehouse.context import use_running_environment
from tapehouse.vendors import open_raw_store

BARS = "timestamp,open,high,low,close,volume,adjclose"
ACTIONS = "event,date,amount,numerator,denominator,splitRatio"
FACTS = {"basis": "split_adjusted", "labels": "start", "time_zone": "UTC"}


def stamp(day: date) -> int:
    """When New York's session of a winter day begins, in seconds."""
    return int(datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC).timestamp())


def bar(day: str, price: float, volume: int) -> str:
    return f"{stamp(date.fromisoformat(day))},{price},{price},{price},{price},{volume},{price}"


def dividend(day: str, amount: float) -> str:
    return f"dividends,{stamp(date.fromisoformat(day))},{amount},,,"


def split(day: str, ratio: int) -> str:
    return f"splits,{stamp(date.fromisoformat(day))},,{ratio},1,{ratio}:1"


def fetched(
    dataset: str,
    *lines: str,
    at: str,
    covers: tuple[str, str],
    symbol: str = "AAPL",
    source: str = "yahoo",
    instrument: str | None = None,
    **facts: Any,
) -> None:
    """Keep one answer of Yahoo: its table with these lines, asked for at an instant, covering [from, to)."""
    begin, end = map(date.fromisoformat, covers)
    header = ACTIONS if dataset == "actions" else BARS
    table = "\n".join([header, *lines, ""]).encode()
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    told = ({} if dataset == "actions" else FACTS) | facts
    store = open_raw_store(use_running_environment())
    asked = Range(source, dataset, symbol, begin, max(end, begin + timedelta(1)))
    store.keep(
        asked,
        Fetched(table, table, len(lines), "a test", moment, (begin, end), told),
        request_id="test",
        instrument_id=instrument,
    )
