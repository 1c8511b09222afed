"""Indicators against TA-Lib, against DuckDB where TA-Lib has none, and where there is little to work them out from."""

import random
import statistics
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame

from tests.published_bars import adjusted, assert_as_talib, assert_close, published
from transforms.gold_schemas import GOLD_INDICATORS_1D, INDICATORS
from transforms.indicators import fingerprint, indicators_of
from transforms.rebuilds import compare_rows
from transforms.series import CLOSES, RANGES, Known
from transforms.series_batches import EXACT, ROWS, add_indicators, in_order, pieces, to_decimals

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WITHOUT_TALIB = """
SELECT instrument_id, session, r AS log_return,
    CASE WHEN count(r) OVER w = 20 THEN stddev_samp(r) OVER w * sqrt(252) END AS realised_volatility,
    close / max(close) OVER (PARTITION BY instrument_id ORDER BY session) - 1 AS drawdown
FROM (SELECT *, ln(close / lag(close) OVER (PARTITION BY instrument_id ORDER BY session)) AS r
      FROM (SELECT instrument_id, session, close::DOUBLE AS close FROM bars))
WINDOW w AS (PARTITION BY instrument_id ORDER BY session ROWS 19 PRECEDING)
ORDER BY instrument_id, session
"""


def worked_out(
    *bars: tuple[str, int, Any, Any, Any], batches: int = 3
) -> dict[tuple[str, int], dict[str, Any]]:
    """The indicators of bars (instrument, day, high, low, close), which come in any order and several batches."""
    shuffled = random.Random(1).sample(bars, len(bars))
    columns = zip(*shuffled, strict=True)
    names, days = next(columns), next(columns)
    table = pa.table({
        "instrument_id": pa.array(names),
        "session": pa.array([date(2024, 1, 1) + timedelta(day) for day in days]),
        **{
            name: pa.array([None if price is None else Decimal(str(price)) for price in prices], EXACT)
            for name, prices in zip(("high", "low", "close"), columns, strict=True)
        },
    })
    made = add_indicators(table.to_batches(max_chunksize=len(bars) // batches + 1), wanted=INDICATORS)
    rows = pa.Table.from_batches(made).to_pylist()
    return {(row["instrument_id"], (row["session"] - date(2024, 1, 1)).days): row for row in rows}


def of_closes(name: str, closes: Sequence[Any]) -> list[tuple[str, int, Any, Any, Any]]:
    """A bar a day, its high and low a dollar from the close."""
    return [(name, day, close + 1, close - 1, close) for day, close in enumerate(closes)]


def told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in INDICATORS}


@pytest.mark.long
def test_indicators_are_those_of_talib_and_duckdb(spark: "SparkSession", market_data: Path) -> None:
    bars = published(market_data)
    assert len(bars) == 2 * 3270
    made = indicators_of(adjusted(spark, bars).where("basis = 'split_adjusted'"))
    assert made.columns == [name for name in GOLD_INDICATORS_1D.names if name != "revision"]
    rows = made.toArrow().sort_by([("instrument_id", "ascending"), ("session", "ascending")]).to_pylist()
    assert [row["close"] for row in rows] == [bar.close for bar in bars]
    assert_as_talib(rows, bars)
    with duckdb.connect() as connection:
        connection.register(
            "bars", pa.table({name: [getattr(bar, name) for bar in bars] for name in bars[0]._fields})
        )
        others = connection.sql(WITHOUT_TALIB).to_arrow_table().to_pydict()
    for name in ("log_return", "realised_volatility", "drawdown"):
        assert_close(name, [row[name] for row in rows], others[name])


def test_the_columns_are_those_that_are_worked_out() -> None:
    assert set(INDICATORS) == {name for names in (*CLOSES, *RANGES) for name in names}


def test_what_is_not_full_is_null() -> None:
    closes = [100 + (7 * day) % 11 for day in range(210)]
    rows = worked_out(*of_closes("x", closes))
    first = {name: min(day for (_, day), row in rows.items() if row[name] is not None) for name in INDICATORS}
    assert first == {
        **{"sma_20": 19, "sma_50": 49, "sma_200": 199, "ema_20": 19, "ema_50": 49, "ema_200": 199},
        **{"rsi_14": 14, "macd": 25, "macd_signal": 33, "macd_histogram": 33, "atr_14": 14},
        **{"bollinger_upper": 19, "bollinger_lower": 19, "log_return": 1, "realised_volatility": 20},
        "drawdown": 0,
    }
    last = rows["x", 209]
    assert float(last["sma_20"]) == pytest.approx(statistics.mean(closes[-20:]), rel=1e-12)
    spread = float(last["bollinger_upper"] - last["bollinger_lower"])
    assert spread == pytest.approx(4 * statistics.pstdev(closes[-20:]), rel=1e-12)


def test_one_bar_has_a_drawdown_of_zero_and_nothing_else() -> None:
    (row,) = worked_out(("x", 0, 11, 9, 10)).values()
    assert told(row) == dict.fromkeys(INDICATORS) | {"drawdown": 0}


def test_a_price_that_does_not_move_has_no_relative_strength() -> None:
    row = worked_out(*of_closes("x", [10] * 40))["x", 39]
    assert row["rsi_14"] is None
    assert row["sma_20"] == row["ema_20"] == row["bollinger_upper"] == row["bollinger_lower"] == 10
    assert row["macd"] == row["macd_histogram"] == row["realised_volatility"] == row["drawdown"] == 0
    assert row["atr_14"] == 2


def test_a_bar_without_a_price_is_as_if_it_were_not_there() -> None:
    closes = [50 + (5 * day) % 17 for day in range(60)]
    holes = {20: None, 21: 0, 40: 0}
    with_holes, day = [], 0
    for close in closes:
        while day in holes:
            with_holes.append(("holes", day, 60, 40, holes[day]))
            day += 1
        with_holes.append(("holes", day, close + 1, close - 1, close))
        day += 1
    rows = worked_out(*of_closes("whole", closes), *with_holes)
    for hole in holes:
        assert told(rows.pop(("holes", hole))) == dict.fromkeys(INDICATORS)
    of = {
        name: [told(row) for (n, _), row in sorted(rows.items()) if n == name] for name in ("whole", "holes")
    }
    assert of["holes"] == of["whole"]
    assert of["whole"][-1]["atr_14"] is not None


def test_a_bar_without_a_low_has_no_true_range_and_all_else() -> None:
    closes = [50 + (5 * day) % 17 for day in range(60)]
    bars = of_closes("x", closes)
    bars[30] = ("x", 30, closes[30] + 1, 0, closes[30])
    rows, whole = worked_out(*bars), worked_out(*of_closes("x", closes))
    assert rows["x", 30]["atr_14"] is None
    assert None not in (rows["x", 29]["atr_14"], rows["x", 31]["atr_14"])
    for key, row in rows.items():
        assert told(row) | {"atr_14": 0} == told(whole[key]) | {"atr_14": 0}


def test_instruments_know_nothing_of_each_other() -> None:
    closes = [50 + (5 * day) % 17 for day in range(60)]
    huge = of_closes("before", [10**15 + day for day in range(60)])
    tiny = of_closes("behind", [2] * 5)
    together = worked_out(*huge, *of_closes("between", closes), *tiny, ("one", 0, 3, 1, 2))
    alone = worked_out(*of_closes("between", closes), batches=1)
    assert {key: row for key, row in together.items() if key[0] == "between"} == alone
    assert together["before", 59]["sma_20"] == pytest.approx(10**15 + Decimal("49.5"), abs=Decimal("0.2"))


def test_bars_are_cut_between_instruments() -> None:
    sizes = {"a": 3, "b": ROWS - 10, "c": 20, "d": 2 * ROWS, "e": 1, "f": 1}
    names = [name for name, size in sizes.items() for _ in range(size)]
    days = [date(1900, 1, 1) + timedelta(day) for size in sizes.values() for day in range(size)]
    bars = in_order(pa.table({"instrument_id": names, "session": days}))
    cut = list(pieces(bars))
    assert pa.concat_tables(cut).equals(bars)
    held = [piece["instrument_id"].unique().to_pylist() for piece in cut]
    assert held == [["a", "b", "c"], ["d"], ["e", "f"]]


def test_a_row_is_worked_out_from_the_rows_before_it_alone() -> None:
    closes = [50 + (5 * day) % 17 for day in range(300)]
    before = worked_out(*of_closes("x", closes))
    after = worked_out(*of_closes("x", [*closes[:150], 90, *closes[151:], 70]))
    assert all(after["x", day] == before["x", day] for day in range(150))
    # to the last digit: what was corrected leaves nothing behind in the sums
    assert all(after["x", day]["sma_50"] == before["x", day]["sma_50"] for day in range(200, 300))
    assert all(
        after["x", day]["bollinger_upper"] == before["x", day]["bollinger_upper"] for day in range(170, 300)
    )
    assert all(after["x", day]["ema_50"] != before["x", day]["ema_50"] for day in range(150, 300))


def test_values_that_do_not_fit_are_null() -> None:
    values = [0.1, -2.5, 899.123456789012, 9000.1, -123456.78, 9.5e6, -1.5e15, 1e16, np.inf, np.nan, 1.0]
    found = to_decimals(Known(np.array(values), np.array([True] * 10 + [False]))).to_pylist()
    texts = ["0.1", "-2.5", "899.123456789012", "9000.1", "-123456.78", "9500000", "-1500000000000000"]
    assert found == [*map(Decimal, texts), None, None, None, None]


def test_a_row_that_changed_gets_the_next_revision(spark: "SparkSession") -> None:
    stored = spark.createDataFrame(
        [("a", 1, 10, 3), ("b", 1, 10, 3), ("c", 1, None, 0), ("d", 1, 1, 7)],
        "x string, y int, value int, revision int",
    )
    wanted = spark.createDataFrame(
        [("a", 1, 10), ("b", 1, 11), ("c", 1, None), ("e", 1, 5)], "x string, y int, value int"
    )
    compared = stored.transform(compare_rows, wanted=wanted, key=("x", "y"), revision="revision")
    assert sorted(tuple(row) for row in compared.select("x", "value", "revision", "change").collect()) == [
        ("a", 10, 3, "untouched"),
        ("b", 11, 4, "update"),
        ("c", None, 0, "untouched"),
        ("d", 1, 7, "delete"),
        ("e", 5, 0, "insert"),
    ]


def test_a_fingerprint_is_of_all_prices_wherever_they_stand(spark: "SparkSession") -> None:
    day, ten = date(2024, 1, 1), Decimal(10)
    told = [("A", None, ten, ten), ("A", ten, None, ten), (None, None, ten, ten), ("B", None, ten, ten)]
    names = "symbol string, high decimal(28,12), low decimal(28,12), close decimal(28,12)"
    frames = [
        spark.createDataFrame([("x", day, *row)], f"instrument_id string, session date, {names}").transform(
            fingerprint
        )
        for row in told
    ]
    found = reduce(DataFrame.unionByName, frames).collect()
    assert len({row.print for row in found}) == len(told)
