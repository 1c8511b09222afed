"""What vendors tell of minutes: when each was, what was known of it when, and which bar is served."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tapehouse.paths import ROOT
from tests.builders import frame
from tests.history_lake import HistoryLake
from tests.jobs.raw_history import split
from transforms.schemas import GOLD_BARS_1M

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

pytestmark = pytest.mark.long

EASTERN: dict[str, Any] = {"time_zone": "US/Eastern", "basis": "raw", "source": "alpha_vantage"}
EVENING = "2026-01-07T22:00"


@pytest.fixture
def lake(spark: "SparkSession") -> HistoryLake:
    return HistoryLake(spark, ROOT / "conf" / "instruments.yaml")


def minute(stamp: str, price: float = 10.0, volume: int = 100) -> str:
    return f"{stamp},{price},{price},{price},{price},{volume}"


def told(lake: HistoryLake, *lines: str, at: str = EVENING, **facts: Any) -> None:
    lake.fetched("bars_1m", *lines, at=at, covers=facts.pop("covers", None), **facts)


def starts(rows: "list[Row]") -> list[str]:
    return [f"{row.bar_start:%m-%d %H:%M}" for row in rows]


def in_order(bars: "DataFrame") -> "list[Row]":
    return bars.orderBy("source", "bar_start", "known_from").collect()


def streamed(spark: "SparkSession", *bars: str) -> "DataFrame":
    """Bars of AAPL on 2026-01-06: `HH:MM close complete final source`."""
    rows = []
    for text in bars:
        clock, close, complete, final, source = text.split()
        start = datetime.fromisoformat(f"2026-01-06T{clock}+00:00")
        known = {"source": source, "instrument_id": "us-apple", "bar_start": start}
        known |= {"session": start.date(), "symbol": "AAPL", "mic": "XNAS", "currency": "USD", "volume": 7}
        known |= {name: Decimal(close) for name in ("open", "high", "low", "close")}
        known |= {"volume_is_complete": complete == "complete", "is_final": final == "final"}
        rows.append(tuple(known.get(name) for name in GOLD_BARS_1M.names))
    return frame(spark, rows, GOLD_BARS_1M)


def test_a_bar_begins_at_its_stamp_or_a_minute_before_it_in_winter_and_in_summer(lake: HistoryLake) -> None:
    told(lake, minute("2026-01-06 09:30:00"), labels="start", **EASTERN)
    told(lake, minute("2025-07-08 09:31"), symbol="MSFT", labels="end", **EASTERN)
    told(lake, minute("1767710400"), at="2026-01-08T22:00", basis="raw")
    # the last minute of a day by its end is of the day before
    told(lake, minute("2026-01-06T00:00:00Z"), labels="end", symbol="BTC-USD", basis="raw")
    rows = in_order(lake.minutes())
    assert [(row.instrument_id, str(row.session)) for row in rows] == [
        ("us-microsoft", "2025-07-08"),
        ("us-apple", "2026-01-06"),
        ("crypto-bitcoin-usd", "2026-01-05"),
        ("us-apple", "2026-01-06"),
    ]
    assert starts(rows) == ["07-08 13:30", "01-06 14:30", "01-05 23:59", "01-06 14:40"]
    assert [row.flags for row in rows] == [[]] * 4


def test_what_is_no_minute_is_rejected_with_its_reasons(lake: HistoryLake) -> None:
    bad = {
        "2025-03-09 02:30:00": "stamp_does_not_exist",
        "2025-11-02 01:30:00": "stamp_ambiguous",
        "2025-11-02 02:30:00": "",
        "2026-01-06 09:30:30": "stamp_within_minute",
        "2026-01-06": "stamp_not_a_time",
        "2026-13-06 09:30": "stamp_not_a_time",
        "99999999999999999999": "stamp_not_a_time",
        # 17:00:00 was the fetch: the minute before it was over, this one is not
        "2026-01-07 16:59": "",
        "2026-01-07 17:00": "future",
    }
    told(lake, *map(minute, bad), "2026-01-06 09:31,1,x,1,1,1", "2026-01-06 09:32,1,1", **EASTERN)
    told(lake, minute("2026-01-06 09:31"), symbol="MSFT", labels="unknown", **EASTERN)
    told(lake, minute("2026-01-06 09:31"), symbol="NOSUCH", **EASTERN)
    rows = lake.checked_minutes().orderBy("vendor_symbol", "row").collect()
    assert [" ".join(row.violations) for row in rows] == [
        *bad.values(),
        "price_not_a_number",
        "wrong_field_count",
        "label_unknown",
        "unknown_instrument",
    ]
    kept = in_order(lake.minutes())
    assert starts(kept) == ["11-02 07:30", "01-07 21:59"]
    assert [row.flags for row in kept] == [["outside_session"], []]


def test_half_days_closed_days_and_nights_are_flagged_and_not_served(
    spark: "SparkSession", lake: HistoryLake
) -> None:
    # Thanksgiving is the 26th, and of the 27th the post-market ends at 17:00
    stamps = ("2020-11-26 12:00", "2020-11-27 16:59", "2020-11-27 17:00", "2020-11-30 19:59")
    told(lake, *map(minute, (*stamps, "2020-11-30 03:59")), labels="start", **EASTERN)
    rows = in_order(lake.minutes())
    outside = [name for row, name in zip(rows, starts(rows), strict=True) if "outside_session" in row.flags]
    assert outside == ["11-26 17:00", "11-27 22:00", "11-30 08:59"]
    served = lake.served_minutes(streamed(spark)).orderBy("bar_start").collect()
    assert starts(served) == ["11-27 21:59", "12-01 00:59"]


def test_a_correction_is_a_second_version_and_what_is_not_told_any_more_ends(
    spark: "SparkSession", lake: HistoryLake
) -> None:
    day = ("2026-01-06", "2026-01-07")
    first = [minute(f"2026-01-06 09:3{n}") for n in range(4)]
    told(lake, *first, at="2026-01-06T20:30", covers=day, **EASTERN)
    # of the second another price, the third traded nothing, and the fourth is not told
    again = [first[0], minute("2026-01-06 09:31", 11.0), "2026-01-06 09:32,,,,,"]
    told(lake, *again, at="2026-01-07T02:00", covers=day, **EASTERN)
    versions = [
        (f"{row.bar_start:%M}", row.close, row.known_to and f"{row.known_to:%H:%M}", row.is_backfilled)
        for row in in_order(lake.minutes())
    ]
    # the regular session ended at 21:00
    assert versions == [
        ("30", 10, None, False),
        ("31", 10, "02:00", False),
        ("31", 11, None, True),
        ("32", 10, "02:00", False),
        ("33", 10, "02:00", False),
    ]
    assert len(in_order(lake.served_minutes(streamed(spark), at="2026-01-07T01:00"))) == 4
    served = in_order(lake.served_minutes(streamed(spark)))
    assert [(row.close, row.is_backfilled) for row in served] == [(10, False), (11, True)]
    before = sorted(map(tuple, lake.minutes().collect()))
    lake.reverse()
    assert sorted(map(tuple, lake.minutes().collect())) == before


def test_minutes_told_anew_after_a_split_are_no_correction_and_are_served_as_traded(
    spark: "SparkSession", lake: HistoryLake
) -> None:
    days = ("2025-12-01", "2026-01-07")
    lake.fetched("actions", at="2026-01-07T22:00", covers=days)
    stamps = ("1767710400", "1767710460")
    told(lake, minute(stamps[0], 400.0, 100), minute(stamps[1], 404.0, 50))
    lake.fetched("actions", split("2026-01-08", 4), at="2026-01-09T22:00", covers=(days[0], "2026-01-09"))
    told(lake, minute(stamps[0], 100.0, 400), minute(stamps[1], 102.0, 200), at="2026-01-09T22:00")
    rows = in_order(lake.minutes())
    assert [(row.close, row.split_factor) for row in rows] == [(400, 1), (404, 1), (102, 4)]
    served = in_order(lake.served_minutes(streamed(spark)))
    assert [(row.close, row.volume) for row in served] == [(400, 100), (408, 50)]
    # nobody has told of all splits until the day of the fetch
    told(lake, minute("1767710520", 50.0), at="2026-02-10T22:00")
    assert in_order(lake.minutes())[-1].flags == ["basis_unknown"]


def test_the_complete_bar_of_the_stream_serves_then_the_vendor_then_what_the_stream_has(
    spark: "SparkSession", lake: HistoryLake
) -> None:
    bars = streamed(
        spark,
        "14:30 1 complete final yahoo",
        "14:31 1 complete open yahoo",
        "14:32 1 partly final yahoo",
        "14:33 1 partly final yahoo",
        "14:34 1 complete final generated",
        "14:35 1 complete final generated",
        "14:36 1 complete final generated",
        "14:36 1 complete final yahoo_recording",
    )
    vendor = [minute(f"2026-01-06 09:{n}", 2.0) for n in (30, 31, 32, 34, 37)]
    told(lake, *vendor, **EASTERN)
    other = EASTERN | {"source": "another"}
    told(lake, minute("2026-01-06 09:37", 3.0), minute("2026-01-06 09:38", 3.0), **other)
    served = lake.served_minutes(bars).orderBy("bar_start").collect()
    assert [(f"{row.bar_start:%M}", row.source, row.choice, int(row.close)) for row in served] == [
        ("30", "yahoo", "stream", 1),
        ("31", "alpha_vantage", "vendor", 2),
        ("32", "alpha_vantage", "vendor", 2),
        ("33", "yahoo", "incomplete_stream", 1),
        ("34", "alpha_vantage", "vendor", 2),
        ("35", "generated", "stream", 1),
        ("36", "yahoo_recording", "stream", 1),
        ("37", "alpha_vantage", "vendor", 2),
        ("38", "another", "vendor", 3),
    ]
    one = served[0]
    assert (one.session, one.volume, one.is_backfilled, one.known_from, one.flags, one.object) == (
        date(2026, 1, 6),
        7,
        False,
        None,
        [],
        None,
    )
    assert (served[1].known_from, served[1].row) == (
        datetime(2026, 1, 7, 22, tzinfo=UTC).replace(tzinfo=None),
        3,
    )
