"""Sources that disagree: beyond which tolerance, who serves, and where the one that comes first stops."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from transforms.bars import Unit
from transforms.discrepancies import find_discrepancies
from transforms.history_schemas import SILVER_BARS_1D
from transforms.serving import serve_daily

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long

UNITS = [Unit("GBp", "GBP", 100, date(1971, 2, 15))]
AT = datetime(2026, 11, 30, tzinfo=UTC)
PENCE = {"currency": "GBp"}
MINUTES = (
    "source STRING, instrument_id STRING, session DATE, bar_start TIMESTAMP, currency STRING, flags ARRAY<STRING>, "
    "split_factor DOUBLE, open DECIMAL(28,12), high DECIMAL(28,12), low DECIMAL(28,12), close DECIMAL(28,12), "
    "volume LONG, expected LONG"
)


def bar(
    source: str, name: str, day: int, close: str, volume: int | None = 1000, **told: Any
) -> tuple[Any, ...]:
    """A bar of a day of November 2026 that opened and closed at one price."""
    price = Decimal(close)
    row = {
        "source": source,
        "instrument_id": name,
        "session": date(2026, 11, day),
        "known_from": AT,
        "volume": volume,
    }
    row |= dict.fromkeys(("open", "high", "low", "close"), price) | {
        "currency": "USD",
        "split_factor": 1.0,
        "flags": [],
    }
    row |= told
    return tuple(row.get(name) for name in SILVER_BARS_1D.names)


def minute(clock: str, close: str, **told: Any) -> tuple[Any, ...]:
    start = datetime.fromisoformat(f"2026-11-24T{clock}").replace(tzinfo=UTC)
    prices = {name: Decimal(told.get(name, close)) for name in ("open", "high", "low", "close")}
    return ("yahoo", "A", date(2026, 11, 24), start, "USD", [], 1.0, *prices.values(), 10, 3)


def found(
    spark: "SparkSession", *bars: tuple[Any, ...], minutes: tuple[Any, ...] = ()
) -> tuple[list[Any], list[Any]]:
    """What differs, in order, and who serves each day with which confidence."""
    known = spark.createDataFrame(bars, SILVER_BARS_1D)
    since = (
        known
        .groupBy("source", "instrument_id")
        .agg({"session": "min"})
        .toDF("source", "instrument_id", "first_session")
    )
    differing = find_discrepancies(
        known, since=since, minutes=spark.createDataFrame(minutes, MINUTES), units=UNITS
    )
    key = ("instrument_id", "session", "field", "source", "other_source")
    served = known.transform(serve_daily, units=UNITS).orderBy("instrument_id", "session").collect()
    return differing.orderBy(*key).collect(), [
        (row.instrument_id, row.source, row.confidence) for row in served
    ]


def test_within_a_tenth_of_a_percent_or_a_cent_is_agreed_and_beyond_one_percent_it_fails(
    spark: "SparkSession",
) -> None:
    told = [
        # name, alpha_vantage, yahoo: within a share, within a cent but beyond 1 %, beyond both, beyond 1 %
        ("A", "200", "200.2"),
        ("B", "0.50", "0.51"),
        ("C", "200", "200.21"),
        ("D", "200", "202.01"),
        ("E", "200", "202"),
    ]
    bars = [
        bar(source, name, 24, price)
        for name, *prices in told
        for source, price in zip(("alpha_vantage", "yahoo"), prices, strict=True)
    ]
    differing, served = found(spark, *bars)
    closes = [row for row in differing if row.field == "close"]
    assert len(differing) == 4 * len(closes)
    assert [(row.instrument_id, row.severity, row.serves) for row in closes] == [
        # a cent may be rounding, but of fifty it is two percent
        ("B", "fail", "alpha_vantage"),
        ("C", "warn", "alpha_vantage"),
        ("D", "fail", "alpha_vantage"),
        ("E", "warn", "alpha_vantage"),
    ]
    assert (closes[1].value, closes[1].other_value) == (Decimal(200), Decimal("200.21"))
    assert closes[2].difference == pytest.approx(0.01005, rel=1e-12)
    # what fails is what is served with low confidence
    confidence = {name: how for name, _, how in served}
    assert confidence == {"A": "high", "B": "low", "C": "high", "D": "low", "E": "high"}


def test_a_price_other_than_the_close_that_fails_is_no_confidence_either(spark: "SparkSession") -> None:
    differing, served = found(
        spark, bar("alpha_vantage", "A", 24, "100"), bar("yahoo", "A", 24, "100", high=Decimal(120))
    )
    assert [(row.field, row.severity) for row in differing] == [("high", "fail")]
    assert served == [("A", "alpha_vantage", "low")]


def test_sources_are_compared_as_traded_and_in_one_unit_and_a_volume_never_fails(
    spark: "SparkSession",
) -> None:
    differing, _ = found(
        spark,
        # four shares for one since then; pence and pounds
        bar("alpha_vantage", "A", 24, "400", 1000),
        bar("yahoo", "A", 24, "100", 4000, split_factor=4.0, basis="split_adjusted"),
        bar("alpha_vantage", "B", 24, "4.21", 1000, currency="GBP"),
        bar("yahoo", "B", 24, "421", 5000, **PENCE),
        bar("alpha_vantage", "C", 24, "1", None),
        bar("yahoo", "C", 24, "1", 1049),
        bar("alpha_vantage", "D", 24, "1", 1000),
        bar("yahoo", "D", 24, "1", 1050),
        bar("pystock", "D", 24, "1", 1051),
        # of this one it is not known what its prices mean
        bar("alpha_vantage", "E", 24, "1"),
        bar("yahoo", "E", 24, "4", split_factor=None, flags=["basis_unknown"]),
    )
    told = [(row.instrument_id, row.field, row.source, row.other_source, row.severity) for row in differing]
    assert told == [
        ("B", "volume", "alpha_vantage", "yahoo", "warn"),
        ("D", "volume", "alpha_vantage", "pystock", "warn"),
    ]
    assert (differing[0].value, differing[0].other_value, differing[0].difference) == (1000, 5000, 4.0)


def test_where_the_source_that_serves_stops_the_other_serves_and_it_is_said(spark: "SparkSession") -> None:
    differing, served = found(
        spark,
        bar("pystock", "A", 20, "9"),
        bar("alpha_vantage", "A", 23, "10"),
        *[bar("pystock", "A", day, "10") for day in (23, 24)],
        # it comes last and never told of the 23rd: nobody misses it
        bar("yahoo", "B", 23, "10"),
        bar("pystock", "B", 20, "10"),
    )
    assert [
        (row.instrument_id, row.session.day, row.source, row.other_source, row.serves) for row in differing
    ] == [("A", 24, "alpha_vantage", "pystock", "pystock")]
    (row,) = differing
    assert (row.field, row.value, row.other_value, row.severity) == ("session", None, Decimal(10), "warn")
    assert [(name, source) for name, source, _ in served] == [
        ("A", "pystock"),
        ("A", "alpha_vantage"),
        ("A", "pystock"),
        ("B", "pystock"),
        ("B", "yahoo"),
    ]


def test_minutes_are_tight_against_the_day_but_for_the_closing_auction(spark: "SparkSession") -> None:
    minutes = (minute("14:30", "10"), minute("14:31", "11", high="12.01"), minute("20:59", "10.40"))
    day = {"open": Decimal("10.004"), "high": Decimal(12), "low": Decimal(10)}
    differing, _ = found(spark, bar("yahoo", "A", 24, "10.84", 50_000, **day), minutes=minutes)
    assert [(row.field, row.source, row.other_source, row.other_value) for row in differing] == [
        ("high", "yahoo", "yahoo 1m", Decimal("12.01"))
    ]
    # what was fetched before the day was over is not compared with it
    assert found(spark, bar("yahoo", "A", 24, "10.85", 50_000, **day), minutes=minutes[2:])[0] == []
    other = tuple(minute(clock, "10.40") for clock in ("14:30", "14:31", "20:59"))
    differing, _ = found(spark, bar("yahoo", "A", 24, "10.85", 50_000, **day), minutes=other)
    assert {(row.field, row.severity) for row in differing} == {
        ("close", "fail"),
        ("high", "fail"),
        ("low", "fail"),
        ("open", "fail"),
    }


def test_nothing_to_compare_is_nothing_that_differs(spark: "SparkSession") -> None:
    assert found(spark) == ([], [])
