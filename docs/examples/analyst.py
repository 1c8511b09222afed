"""Three questions of an analyst, asked of gold and silver: what was known, what was earned, who says otherwise.

    .venv/bin/python docs/examples/analyst.py [SYMBOL] [TIME]

docs/examples/README.md makes the tables that it asks; of a lake of yours it answers the same. It starts no Spark.
"""

import sys
from datetime import datetime

import duckdb

from tapehouse.context import use_running_environment
from tapehouse.delta import attach, connect

# A version of a day's bar holds from `known_from` until `known_to`; the clock of the question is the only parameter.
AS_KNOWN = """
SELECT session, source, close, known_from, known_to
FROM silver.bars_1d
WHERE symbol = $symbol AND known_from <= $at AND coalesce(known_to > $at, true)
ORDER BY session, source
"""

# The same day on three bases. A return of raw prices takes a split for a loss; one of prices that are adjusted for
# splits alone takes a dividend for one.
RETURNS = """
WITH closes AS (
    SELECT session, basis, close, close / lag(close) OVER (PARTITION BY basis ORDER BY session) - 1 AS earned
    FROM gold.adjusted_bars_1d WHERE symbol = $symbol
)
SELECT
    session,
    round(max(close) FILTER (basis = 'raw'), 2) AS close,
    round(100 * max(earned) FILTER (basis = 'raw'), 2) AS raw_pct,
    round(100 * max(earned) FILTER (basis = 'split_adjusted'), 2) AS split_adjusted_pct,
    round(100 * max(earned) FILTER (basis = 'total_return_yahoo'), 2) AS total_return_pct
FROM closes GROUP BY session ORDER BY session
"""

# What two sources tell of one day, where they differ by more than they may.
COMPARED = """
SELECT d.session, d.field, d.source, d.value, d.other_source, d.other_value,
    round(100 * d.difference, 2) AS difference_pct, d.severity, d.serves
FROM gold.discrepancies d
JOIN (SELECT DISTINCT instrument_id, symbol FROM gold.bars_1d) b ON b.instrument_id = d.instrument_id
WHERE b.symbol = $symbol
ORDER BY d.session, d.field
"""


def main(symbol: str = "AAPL", at: str = "2014-06-10T23:00:00+00:00") -> None:
    """Print the three answers."""
    lake = connect()
    attach(lake, use_running_environment(), versions={})
    moment = datetime.fromisoformat(at)
    tell(
        lake, f"What was known of {symbol} at {moment:%Y-%m-%d %H:%M %Z}", AS_KNOWN, symbol=symbol, at=moment
    )
    tell(lake, f"What {symbol} earned each day, by basis", RETURNS, symbol=symbol)
    tell(lake, f"Who tells {symbol} otherwise", COMPARED, symbol=symbol)


def tell(lake: duckdb.DuckDBPyConnection, question: str, query: str, **parameters: object) -> None:
    """Print a question and its answer, a row a line."""
    answer = lake.execute(query, parameters)
    names = [column[0] for column in answer.description]
    rows = [[text(value) for value in row] for row in answer.fetchall()]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    print(f"\n{question}")
    for row in [names, *rows]:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def text(value: object) -> str:
    """A value without what says nothing: zeros behind the point, seconds of a full minute."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    if value is None:
        return "-"
    shown = str(value)
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


if __name__ == "__main__":
    main(*sys.argv[1:])
