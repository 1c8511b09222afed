"""Minutes made a day, and compared with days: MSFT's recorded ones, and what differs."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.lake.history_tables import GOLD_SESSIONS
from jobs.lake.instruments import read_instruments
from jobs.lake.kept import keep
from jobs.lake.reference import frame_of, instrument_rows, session_rows
from tapehouse.paths import ROOT
from tests.builders import frame
from tests.history_lake import HistoryLake
from tests.transforms.test_bars import bars
from transforms.gold_schemas import GOLD_BARS_1D, GOLD_MINUTES
from transforms.parity import compare_days, compare_minutes
from transforms.rollup import keep_regular, roll_up
from transforms.schemas import GOLD_BARS_1M

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.long

INSTRUMENTS = ROOT / "conf" / "instruments.yaml"
# the independent way: the file's own lines, by DuckDB
BY_DUCKDB = """
SELECT strftime(start, '%Y-%m-%d') AS session, arg_min(open, start), max(high), min(low), arg_max(close, start),
    sum(volume)::BIGINT, count(*)
FROM (SELECT time - INTERVAL 1 MINUTE AS start, * FROM read_csv(?, types = {
    'open': 'DECIMAL(18,6)', 'high': 'DECIMAL(18,6)', 'low': 'DECIMAL(18,6)', 'close': 'DECIMAL(18,6)'}))
WHERE start::TIME >= '09:30' AND start::TIME < if(start::DATE = '2020-11-27', TIME '13:00', TIME '16:00')
GROUP BY 1 ORDER BY 1
"""


@pytest.fixture(scope="module")
def hours(spark: "SparkSession") -> "DataFrame":
    return keep(frame_of(spark, session_rows(read_instruments(INSTRUMENTS)), GOLD_SESSIONS))


@pytest.mark.usefixtures("compiled")
def test_the_recorded_minutes_make_the_days_that_another_engine_makes(
    spark: "SparkSession", market_data: Path, hours: "DataFrame"
) -> None:
    import duckdb

    (file,) = (market_data / "alpha_vantage_http").glob("MSFT_1min_extended_*.csv")
    lake = HistoryLake(spark, INSTRUMENTS)
    header, *lines = file.read_text().splitlines()
    how: dict[str, Any] = {"labels": "end", "time_zone": "US/Eastern", "basis": "raw", "covers": None}
    how |= {"header": header.replace("time", "stamp")}
    lake.fetched("bars_1m", *lines, symbol="MSFT", source="mine", at="2020-12-19T22:00", **how)
    nothing = frame(spark, [], GOLD_BARS_1M)
    minutes = keep(lake.served_minutes(nothing))
    assert minutes.count() == len(lines) == 11_190
    rolled = keep(minutes.transform(keep_regular, hours=hours).transform(roll_up))
    found = [
        (str(row.session), row.open, row.high, row.low, row.close, row.volume, row.minutes)
        for row in rolled.orderBy("session").collect()
    ]
    assert found == duckdb.execute(BY_DUCKDB, [str(file)]).fetchall()
    # every minute was received, and there was no session on Thanksgiving
    expected = {row.session: row.expected for row in rolled.collect()}
    assert len(expected) == 19
    assert {day: row[-1] for day, row in zip(sorted(expected), found, strict=True)} == expected
    assert (expected[date(2020, 11, 27)], expected[date(2020, 11, 30)]) == (210, 390)
    assert date(2020, 11, 26) not in expected


def a_day(spark: "SparkSession", day: date, *, until: int = 390) -> "DataFrame":
    """Minutes of AAPL from 14:30 UTC on, each a cent dearer than the one before."""
    rows = []
    for n in range(until):
        start = datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC) + timedelta(minutes=n)
        price = Decimal(100) + Decimal(n) / 100
        known: dict[str, Any] = {
            "instrument_id": "us-apple",
            "bar_start": start,
            "session": day,
            "mic": "XNAS",
        }
        known |= dict.fromkeys(("open", "high", "low", "close"), price) | {"volume": 10}
        rows.append(tuple(known.get(name) for name in GOLD_MINUTES.names))
    return frame(spark, rows, GOLD_MINUTES)


def told(spark: "SparkSession", *days: tuple[date, str, str, str, str, int]) -> "DataFrame":
    rows = []
    for day, *prices, volume in days:
        known: dict[str, Any] = {"instrument_id": "us-apple", "session": day, "volume": volume}
        known |= dict(zip(("open", "high", "low", "close"), map(Decimal, prices), strict=True))
        rows.append(tuple(known.get(name) for name in GOLD_BARS_1D.names))
    return frame(spark, rows, GOLD_BARS_1D)


def test_days_are_compared_tightly_by_price_and_loosely_by_close_and_volume(
    spark: "SparkSession", hours: "DataFrame"
) -> None:
    monday, tuesday, wednesday = (date(2026, 1, day) for day in (5, 6, 7))
    minutes = (
        a_day(spark, monday)
        .unionByName(a_day(spark, tuesday))
        .unionByName(a_day(spark, wednesday, until=311))
    )
    days = told(
        spark,
        (monday, "100.1", "103.89", "100", "104.40", 9000),
        (tuesday, "100.2", "103.89", "100", "104.50", 20_000),
        # of 390 minutes 311 are too few
        (wednesday, "1", "1", "1", "1", 1),
    )
    compared = (
        minutes.transform(keep_regular, hours=hours).transform(roll_up).transform(compare_days, days=days)
    )
    found = {
        (row.session, row.column_name): (row.compared, row.mismatched, row.worst and round(row.worst, 9))
        for row in compared.collect()
    }
    assert {name: found[monday, name] for _, name in found} == {
        "day": (1, 0, None),
        "open": (1, 0, 0.1),
        "high": (1, 0, 0.0),
        "low": (1, 0, 0.0),
        "close": (1, 0, 0.51),
        "volume": (1, 0, 5100),
    }
    assert [found[tuesday, name][1] for name in ("open", "high", "low", "close", "volume")] == [1, 0, 0, 1, 1]
    assert found[wednesday, "day"] == (1, 1, None)
    assert found[wednesday, "open"] == (0, 0, None)


def test_bars_are_compared_to_the_last_digit_and_one_that_a_side_lacks_is_counted(
    spark: "SparkSession",
) -> None:
    one = bars(spark, "14:30:01 AAPL 10 1", "14:31:01 AAPL 11 2", "14:32:01 AAPL 12 3").localCheckpoint()
    other = bars(spark, "14:30:01 AAPL 10 1", "14:31:01 AAPL 11.000001 2", "14:33:01 AAPL 12 3")
    rows = one.transform(compare_minutes, again=other).collect()
    found = {row.column_name: (row.compared, row.mismatched, row.worst) for row in rows}
    assert found["bar"] == (4, 2, None)
    assert (found["close"][:2], round(found["close"][2], 9)) == ((2, 1), 0.000001)
    assert found["volume"][:2] == found["symbol"][:2] == (2, 0)
    same = one.transform(compare_minutes, again=one).collect()
    assert {row.mismatched for row in same} == {0}
    assert {row.compared for row in same} == {3}


def test_the_reference_says_who_was_called_what_when_and_when_exchanges_were_open() -> None:
    instruments = read_instruments(INSTRUMENTS)
    rows = {(row["instrument_id"], row["symbol"]): row for row in instrument_rows(instruments)}
    facebook, meta, ocado = rows["us-meta", "FB"], rows["us-meta", "META"], rows["gb-ocado", "OCDO"]
    assert facebook["valid_to"] == meta["valid_from"] == date(2022, 6, 9)
    assert (meta["valid_to"], meta["mic"], meta["tz"]) == (None, "XNAS", "America/New_York")
    assert (ocado["unit"], ocado["currency"]) == ("GBp", "GBP")
    assert ocado["vendor_symbols"] == [
        {"vendor": "alpha_vantage", "symbol": "OCDO.LON"},
        {"vendor": "yahoo", "symbol": "OCDO.L"},
    ]
    sessions = {(row["mic"], row["session"]): row for row in session_rows(instruments)}
    half = sessions["XNAS", date(2026, 11, 27)]
    assert (half["is_early_close"], half["session_close"]) == (True, datetime(2026, 11, 27, 18, tzinfo=UTC))
    whole = sessions["XNYS", date(2026, 7, 6)]
    assert (whole["is_early_close"], whole["session_open"]) == (
        False,
        datetime(2026, 7, 6, 13, 30, tzinfo=UTC),
    )
    # Thanksgiving, and a day of mourning
    assert not {("XNAS", date(2026, 11, 26)), ("XNYS", date(2025, 1, 9))} & set(sessions)
    always = sessions["XCRY", date(2026, 1, 3)]
    assert (always["session_open"], always["session_close"]) == (
        datetime(2026, 1, 3, tzinfo=UTC),
        datetime(2026, 1, 4, tzinfo=UTC),
    )
