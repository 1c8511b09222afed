"""Daily bars of AAPL and MSFT, 2000 to 2013, as WIKI published them, and what TA-Lib makes of such."""

import csv
import gzip
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NAMES = ("AAPL", "MSFT")
BASES = ("split_adjusted", "raw")


class Bar(NamedTuple):
    """A session's prices, as they are told."""

    instrument_id: str
    session: date
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None


def published(market_data: Path) -> list[Bar]:
    """6,540 bars, of one instrument after the other, in order."""
    with gzip.open(market_data / "quandl_wiki" / "bokeh_stocks.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["Ticker"] in NAMES]
    bars = [
        Bar(
            row["Ticker"],
            date.fromisoformat(row["Date"]),
            *(Decimal(row[name]) for name in ("Open", "High", "Low", "Close")),
        )
        for row in rows
    ]
    return sorted(bars)


def adjusted(spark: "SparkSession", bars: Sequence[Bar]) -> "DataFrame":
    """Rows of gold.adjusted_bars_1d on two bases; of the one that indicators are not worked out on, other prices."""
    from pyspark.sql import functions as F

    from transforms.gold_schemas import GOLD_ADJUSTED_BARS_1D, PRICES

    told = spark.createDataFrame(
        bars, "instrument_id string, session date, " + ", ".join(f"{name} decimal(28,12)" for name in PRICES)
    )
    others = {name: F.lit(None) for name in GOLD_ADJUSTED_BARS_1D.names if name not in told.columns}
    basis = F.explode(F.array(*map(F.lit, BASES)))
    is_ours = F.col("basis") == BASES[0]
    prices = {name: F.when(is_ours, F.col(name)).otherwise(F.col(name) + 1) for name in PRICES}
    return (
        told
        .withColumns(others | {"symbol": F.col("instrument_id")})
        .withColumn("basis", basis)
        .withColumns(prices)
        .select(*[F.col(field.name).cast(field.dataType) for field in GOLD_ADJUSTED_BARS_1D.fields])
    )


def of_talib(bars: Sequence[Bar]) -> dict[str, list[float | None]]:
    """Its indicators of one instrument, in the order of the bars."""
    import talib

    high, low, close = (
        np.array([float(price or 0) for price in prices])
        for prices in zip(*[(bar.high, bar.low, bar.close) for bar in bars], strict=True)
    )
    line, signal, histogram = talib.MACD(close, 12, 26, 9)
    upper, _, lower = talib.BBANDS(close, 20, 2, 2)
    found: dict[str, Any] = {
        **{f"sma_{width}": talib.SMA(close, width) for width in (20, 50, 200)},
        **{f"ema_{width}": talib.EMA(close, width) for width in (20, 50, 200)},
        "rsi_14": talib.RSI(close, 14),
        "macd": line,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "atr_14": talib.ATR(high, low, close, 14),
        "bollinger_upper": upper,
        "bollinger_lower": lower,
    }
    return {
        name: [None if np.isnan(value) else float(value) for value in values]
        for name, values in found.items()
    }


def assert_as_talib(rows: Sequence[dict[str, Any]], bars: Sequence[Bar]) -> None:
    """Rows of gold.indicators_1d, in order, are what TA-Lib makes of the bars."""
    assert [(row["instrument_id"], row["session"]) for row in rows] == [bar[:2] for bar in bars]
    for instrument in NAMES:
        ours = [row for row in rows if row["instrument_id"] == instrument]
        for name, wanted in of_talib([bar for bar in bars if bar.instrument_id == instrument]).items():
            found = [row[name] for row in ours]
            if name == "macd":
                # TA-Lib holds the line back until there is a signal
                assert [value is None for value in found[:34]] == [True] * 25 + [False] * 9
                found[25:33] = [None] * 8
            assert_close(name, found, wanted)


def assert_close(name: str, found: Sequence[Decimal | None], wanted: Sequence[float | None]) -> None:
    """Equal to 1e-9 of it, or to 1e-12."""
    assert len(found) == len(wanted)
    for row, (ours, theirs) in enumerate(zip(found, wanted, strict=True)):
        if ours is None or theirs is None:
            assert ours is theirs, (name, row)
        else:
            assert abs(float(ours) - theirs) <= max(1e-9 * abs(theirs), 1e-12), (name, row, ours, theirs)
