"""python -m tests.bench.plain_indicators FOLDER THREADS

The plain alternative: DuckDB's SQL, in doubles. It prints its seconds.

What it lacks: an action on a day without a bar, prices that are missing, exact decimals, a long history (the weights of
Wilder's average are powers that a double holds for some 9,000 sessions).
"""

import json
import sys
import time
from pathlib import Path

import duckdb

from tests.bench.daily_bars import ACTIONS, BARS

MADE = "duckdb.parquet"
QUERY = """
COPY (
WITH steps AS (
    SELECT instrument_id, ex_date AS session, coalesce(product(ratio), 1) AS shares,
        coalesce(sum(amount), 0)::DOUBLE AS paid
    FROM '{actions}' GROUP BY ALL),
days AS (
    SELECT instrument_id, session, close::DOUBLE AS traded, coalesce(shares, 1) AS shares, coalesce(paid, 0) AS paid
    FROM '{bars}' LEFT JOIN steps USING (instrument_id, session)),
placed AS (
    SELECT *, row_number() OVER w AS place,
        coalesce((1 - lead(paid) OVER w / traded) / lead(shares) OVER w, 1) AS step
    FROM days WINDOW w AS (PARTITION BY instrument_id ORDER BY session)),
adjusted AS (
    SELECT instrument_id, session, place, traded * product(step) OVER (
        PARTITION BY instrument_id ORDER BY session DESC ROWS UNBOUNDED PRECEDING) AS close
    FROM placed),
moves AS (
    SELECT *, close - lag(close) OVER w AS change, power(14 / 13.0, greatest(place - 15, 0)) AS weight
    FROM adjusted WINDOW w AS (PARTITION BY instrument_id ORDER BY session)),
sums AS (
    SELECT *, sum(greatest(change, 0) * weight) OVER w AS rises, sum(greatest(-change, 0) * weight) OVER w AS falls,
        avg(close) OVER (PARTITION BY instrument_id ORDER BY session ROWS 19 PRECEDING) AS average
    FROM moves WINDOW w AS (PARTITION BY instrument_id ORDER BY session ROWS UNBOUNDED PRECEDING))
SELECT instrument_id, session, close, CASE WHEN place >= 20 THEN average END AS sma_20,
    CASE WHEN place >= 15 THEN 100 * rises / nullif(rises + falls, 0) END AS rsi_14
FROM sums) TO '{made}' (FORMAT parquet, COMPRESSION zstd)
"""


def main(folder: Path, threads: int) -> None:
    begun = time.monotonic()
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {threads}")
        connection.execute(QUERY.format(bars=folder / BARS, actions=folder / ACTIONS, made=folder / MADE))
    print(json.dumps([time.monotonic() - begun]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
