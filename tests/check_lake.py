"""A lake in which something is followed: its file of instruments, budgets and list of work are of one test alone."""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.completeness import check_completeness
from jobs.lake.daily_build import build_daily
from jobs.lake.history_load import load_history
from jobs.lake.history_tables import SILVER_VENDOR_BARS_1M
from jobs.lake.postgres import Connection
from jobs.lake.settle import Settled
from jobs.lake.work_list import MOST_TRIES, WorkList
from tests.secret_search import SECRET
from tests.stack import Stack, call

# Monday to Friday; Thursday is Thanksgiving, Friday is half a day
FIRST, LAST = date(2020, 11, 23), date(2020, 11, 28)
FILE = """version: 1
instruments:
  - instrument_id: us-apple
    follow:
      - {source: yahoo, dataset: 1d, from: 2020-11-24}
      - {source: yahoo, dataset: 1m, from: 2020-11-27}
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL, alpha_vantage: AAPL}}
  - instrument_id: us-microsoft
    follow:
      - {source: alpha_vantage, dataset: 1d, from: 2020-11-25, to: 2020-11-28}
    listings:
      - {symbol: MSFT, mic: XNAS, currency: USD, from: 1986-03-13, vendor_symbols: {yahoo: MSFT, alpha_vantage: MSFT}}
"""


def follow(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A place in the raw bucket, instruments, and budgets, of this test alone; the list of work is empty."""
    (tmp_path / "instruments.yaml").write_text(FILE)
    (tmp_path / "budgets.yaml").write_text(
        "version: 1\nsources:\n"
        + "".join(
            f"  {source}: {{day_in: America/New_York, shared_from: '23:59:59', seconds_between_calls: 0, "
            f"calls: {{daily: 0, fill: {fill}}}}}\n"
            for source, fill in (("yahoo", 100), ("alpha_vantage", MOST_TRIES))
        )
    )
    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(tmp_path / "instruments.yaml"))
    monkeypatch.setenv("TAPEHOUSE_BUDGETS", str(tmp_path / "budgets.yaml"))
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY", SECRET)
    WorkList(stack.settings).close()
    connection = Connection(stack.settings)
    for table in ("work", "calls", "sources"):
        if connection.execute("SELECT to_regclass(%s)", (table,)) != [(None,)]:
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    return stack


def done(stack: Stack, job: Callable[..., Any], **options: Any) -> Any:
    return job(stack.settings, start_spark=lambda: stack.spark, stop_asked=lambda: False, **options)


def checked(stack: Stack, first: date = FIRST, last: date = LAST) -> Settled:
    settled: Settled = done(stack, check_completeness, first=first, last=last)
    return settled


def taken_in(stack: Stack) -> None:
    done(stack, load_history)
    done(stack, build_daily, first=FIRST, last=LAST)


def listed(*options: str) -> dict[str, Any]:
    code, out, err = call("gaps", *options, "--json")
    assert code == 0, err
    return dict(json.loads(out))


def states(*options: str) -> list[str]:
    names = ("source", "dataset", "session", "units", "cause", "state", "tries")
    return [" ".join(str(gap[name]) for name in names) for gap in listed(*options)["gaps"]]


def vendor_minute(start: datetime, session: date, *, high: str = "110") -> tuple[Any, ...]:
    row: dict[str, Any] = dict.fromkeys(("open", "low", "close"), Decimal(110))
    row |= {
        "source": "yahoo",
        "instrument_id": "us-apple",
        "currency": "USD",
        "session": session,
        "volume": 1,
    }
    row |= {"bar_start": start, "split_factor": 1.0, "flags": [], "high": Decimal(high)}
    return tuple(row.get(name) for name in SILVER_VENDOR_BARS_1M.schema.names)
