"""Adjusted prices against what was published: WIKI's with its formula, Yahoo's with Yahoo's."""

import csv
import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from transforms.adjust import adjust_bars
from transforms.gold_schemas import GOLD_ACTIONS, GOLD_BARS_1D

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PRICES = ("open", "high", "low", "close")


def bars(spark: "SparkSession", rows: Iterable[dict[str, Any]]) -> "DataFrame":
    """Rows with instrument_id, session and what else is told."""
    return _frame(spark, rows, GOLD_BARS_1D)


def actions(spark: "SparkSession", rows: Iterable[dict[str, Any]]) -> "DataFrame":
    return _frame(spark, rows, GOLD_ACTIONS)


def _frame(spark: "SparkSession", rows: Iterable[dict[str, Any]], schema: Any) -> "DataFrame":
    from pyspark.sql import functions as F

    texts = [
        tuple(None if row.get(name) is None else str(row[name]) for name in schema.names) for row in rows
    ]
    plain = spark.createDataFrame(texts, ", ".join(f"`{name}` STRING" for name in schema.names))
    told = [F.lit(None) if field.name == "flags" else F.col(field.name) for field in schema.fields]
    return plain.select(*[c.cast(f.dataType).alias(f.name) for c, f in zip(told, schema.fields, strict=True)])


def days(*closes: float, first: date = date(2024, 3, 4)) -> list[dict[str, Any]]:
    """One bar a day, its four prices the same; 100 shares."""
    return [
        {"instrument_id": "x", "session": date.fromordinal(first.toordinal() + n), "volume": 100}
        | dict.fromkeys(PRICES, close)
        for n, close in enumerate(closes)
    ]


def adjusted(frame: "DataFrame", basis: str) -> list[tuple[float, int]]:
    rows = frame.where(f"basis = '{basis}'").orderBy("session").collect()
    return [(float(row.close), row.volume) for row in rows]


def test_a_split_and_a_dividend_scale_what_was_before_them(spark: "SparkSession") -> None:
    raw = bars(spark, days(100, 110, 50, 48))
    told = actions(
        spark,
        [
            {"instrument_id": "x", "ex_date": "2024-03-06", "kind": "split", "ratio": 2},
            {"instrument_id": "x", "ex_date": "2024-03-07", "kind": "dividend", "amount": 2},
            {"instrument_id": "y", "ex_date": "2024-03-07", "kind": "dividend", "amount": 7},
        ],
    )
    made = adjust_bars(raw, actions=told)
    assert adjusted(made, "raw") == [(100, 100), (110, 100), (50, 100), (48, 100)]
    assert adjusted(made, "split_adjusted") == [(50, 200), (55, 200), (50, 100), (48, 100)]
    assert adjusted(made, "total_return_yahoo") == [(48, 200), (52.8, 200), (48, 100), (48, 100)]
    by_crsp = [price for price, _ in adjusted(made, "total_return_crsp")]
    assert by_crsp == pytest.approx([50 * 48 / 50, 55 * 48 / 50, 50 * 48 / 50, 48], rel=1e-12)


def test_an_action_on_a_day_without_a_bar_counts_from_the_next_one(spark: "SparkSession") -> None:
    raw = bars(spark, [*days(100), *days(24, first=date(2024, 3, 8))])
    told = actions(spark, [{"instrument_id": "x", "ex_date": "2024-03-06", "kind": "split", "ratio": 4}])
    assert adjusted(adjust_bars(raw, actions=told), "split_adjusted") == [(25, 400), (24, 100)]


def test_a_split_after_the_last_bar_scales_all_of_them_and_a_dividend_none(spark: "SparkSession") -> None:
    later = {"instrument_id": "x", "ex_date": "2026-01-05"}
    told = actions(spark, [later | {"kind": "split", "ratio": 10}, later | {"kind": "dividend", "amount": 1}])
    made = adjust_bars(bars(spark, days(100, 50)), actions=told)
    assert adjusted(made, "split_adjusted") == adjusted(made, "total_return_yahoo") == [(10, 1000), (5, 1000)]


def test_half_a_share_is_rounded_up(spark: "SparkSession") -> None:
    raw = bars(spark, [row | {"volume": 101} for row in days(10, 7)])
    told = actions(spark, [{"instrument_id": "x", "ex_date": "2024-03-05", "kind": "split", "ratio": 1.5}])
    assert [volume for _, volume in adjusted(adjust_bars(raw, actions=told), "split_adjusted")] == [152, 101]


@pytest.mark.long
def test_wikis_adjusted_prices_are_reproduced(spark: "SparkSession", market_data: Path) -> None:
    with zipfile.ZipFile(market_data / "quandl_wiki" / "QUANDL_ARCHIVE.zip") as archive:
        table = io.TextIOWrapper(archive.open(archive.namelist()[0]))
        published = list(csv.DictReader(table))
    raw = bars(
        spark,
        [
            {"instrument_id": row["ticker"], "session": row["date"], "volume": int(float(row["volume"]))}
            | {name: row[name] for name in PRICES}
            for row in published
        ],
    )
    paid = [
        {
            "instrument_id": row["ticker"],
            "ex_date": row["date"],
            "kind": "dividend",
            "amount": row["ex-dividend"],
        }
        for row in published
        if float(row["ex-dividend"])
    ]
    split = [
        {"instrument_id": row["ticker"], "ex_date": row["date"], "kind": "split", "ratio": row["split_ratio"]}
        for row in published
        if row["split_ratio"] != "1.0"
    ]
    made = adjust_bars(raw, actions=actions(spark, [*paid, *split])).where("basis = 'total_return_crsp'")
    ours = {(row.instrument_id, str(row.session)): row for row in made.collect()}
    by_ticker = defaultdict(list)
    for row in published:
        by_ticker[row["ticker"]].append(row)
    assert set(by_ticker) == {"AAPL", "MSFT", "BRK_A", "ZEN"}
    assert (len(split), len(paid)) == (1, 8)
    for ticker, rows in by_ticker.items():
        last = max(rows, key=lambda row: row["date"])
        # later actions scale all of a file
        scale = float(last["adj_close"]) / float(last["close"])
        for row in rows:
            for name in PRICES:
                wanted = float(row[f"adj_{name}"])
                found = float(ours[ticker, row["date"]][name]) * scale
                assert found == pytest.approx(wanted, rel=1e-9, abs=1e-12), (ticker, row["date"], name)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        "historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.csv",
        "chart-AAPL-2020-08-31-to-2020-11-07",
    ],
)
def test_yahoos_adjusted_close_is_reproduced(spark: "SparkSession", market_data: Path, name: str) -> None:
    recorded = json.loads((market_data / "yahoo_http" / f"{name}.json").read_text())["response"]["bodyJson"]
    chart = recorded["chart"]["result"][0]
    sessions = [datetime.fromtimestamp(stamp, UTC).date() for stamp in chart["timestamp"]]
    closes = chart["indicators"]["quote"][0]["close"]
    published = chart["indicators"]["adjclose"][0]["adjclose"]
    raw = bars(
        spark,
        [
            {"instrument_id": "x", "session": session, "volume": 1} | dict.fromkeys(PRICES, close)
            for session, close in zip(sessions, closes, strict=True)
        ],
    )
    told = actions(
        spark,
        [
            {
                "instrument_id": "x",
                "ex_date": datetime.fromtimestamp(paid["date"], UTC).date(),
                "kind": "dividend",
                "amount": paid["amount"],
            }
            for paid in chart["events"]["dividends"].values()
        ],
    )
    found = [price for price, _ in adjusted(adjust_bars(raw, actions=told), "total_return_yahoo")]
    scale = published[-1] / closes[-1]
    assert [price * scale for price in found] == pytest.approx(published, rel=1e-6)
