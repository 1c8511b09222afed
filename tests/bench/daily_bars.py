"""Daily bars of a whole market, and its actions, as gold.bars_1d and gold.actions hold them: drawn, with a fixed seed.

Each instrument walks at random from a price between 20 and 200, two percent a day, in cents. Two of five pay half a
percent of their price every 63 sessions, one of twenty splits 2:1 in the middle. Rows come session by session, as
captures do.
"""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST = date(2020, 1, 6)  # a Monday
EXACT = pa.decimal128(28, 12)
QUARTER, RATIO, YIELD = 63, 2.0, 0.005
SESSIONS_AT_ONCE = 100
BARS, ACTIONS = "bars.parquet", "actions.parquet"


def write_market(folder: Path, *, instruments: int, sessions: int, seed: int) -> None:
    """Both files."""
    draw = np.random.default_rng(seed)
    names = np.array([f"generated:S{number:05}" for number in range(instruments)])
    days = [FIRST + timedelta(day // 5 * 7 + day % 5) for day in range(sessions)]
    walk = np.cumsum(draw.normal(0, 0.02, (sessions, instruments)), axis=0)
    closes = draw.uniform(20, 200, instruments) * np.exp(walk)
    splits, payers = np.arange(instruments) % 20 == 7, np.arange(instruments) % 5 < 2
    middle = sessions // 2
    closes[:middle, splits] *= RATIO
    closes = np.maximum(np.round(closes, 2), 0.01)
    folder.mkdir(parents=True, exist_ok=True)
    _write_bars(folder / BARS, names, days, closes, draw)
    paid = np.round(closes * YIELD, 4)
    quarters = range(QUARTER, sessions, QUARTER)
    dividends = [(names[n], days[at], paid[at, n], None) for at in quarters for n in np.flatnonzero(payers)]
    told = [*dividends, *[(names[n], days[middle], None, RATIO) for n in np.flatnonzero(splits)]]
    of_whom, when, amounts, ratios = zip(*told, strict=True)
    actions = {
        "instrument_id": of_whom,
        "ex_date": when,
        "amount": pa.array(amounts, pa.float64()).cast(EXACT),
        "ratio": pa.array(ratios, pa.float64()),
    }
    pq.write_table(pa.table(actions), folder / ACTIONS)


def _write_bars(
    file: Path, names: np.ndarray, days: list[date], closes: np.ndarray, draw: np.random.Generator
) -> None:
    opens = np.round(closes * draw.uniform(0.99, 1.01, closes.shape), 2)
    highs = np.round(np.maximum(opens, closes) * draw.uniform(1, 1.01, closes.shape), 2)
    lows = np.round(np.minimum(opens, closes) * draw.uniform(0.99, 1, closes.shape), 2)
    prices = {"open": opens, "high": highs, "low": lows, "close": closes}
    volumes = draw.integers(1_000, 10_000_000, closes.shape)
    schema = pa.schema([
        ("instrument_id", pa.string()),
        ("session", pa.date32()),
        *[(name, pa.string()) for name in ("symbol", "mic", "currency")],
        *[(name, EXACT) for name in prices],
        ("volume", pa.int64()),
    ])
    symbols = [name.partition(":")[2] for name in names]
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for at in range(0, len(days), SESSIONS_AT_ONCE):
            some = range(at, min(at + SESSIONS_AT_ONCE, len(days)))
            rows = len(some) * len(names)
            columns = [
                pa.array(np.tile(names, len(some))),
                pa.array([days[day] for day in some for _ in names]),
                pa.array(symbols * len(some)),
                *[pa.array([text]).take(pa.array(np.zeros(rows, dtype=int))) for text in ("XNYS", "USD")],
                *[pa.array(told[some].ravel()).cast(EXACT) for told in prices.values()],
                pa.array(volumes[some].ravel()),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
