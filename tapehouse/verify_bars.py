"""The bars of gold worked out afresh, in DuckDB, from the accepted messages of bronze."""

from datetime import date
from typing import TYPE_CHECKING

from tapehouse.verify_report import Check, examples, row

if TYPE_CHECKING:
    import duckdb

    from jobs.lake.settings import Settings

# event(event_id, source, instrument_id, symbol, mic, unit, session, segment, event_time, micros, day_volume): one row
# an event. unit(unit, major, factor, valid_from).
BARS = """
WITH quote AS (
    SELECT e.* EXCLUDE (micros, unit), time_bucket(INTERVAL 1 MINUTE, event_time) AS bar_start,
        coalesce(u.major, e.unit) AS currency,
        -- divided in whole numbers, half up
        CASE WHEN u.factor IS NULL THEN micros ELSE (2 * micros + u.factor) // (2 * u.factor) END AS micros
    FROM event e LEFT JOIN unit u ON u.unit = e.unit AND e.session >= u.valid_from
), known AS (
    SELECT *, row_number() OVER in_order AS position,
        max(day_volume) OVER (in_order ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM quote
    WINDOW in_order AS (
        PARTITION BY source, instrument_id, session, segment ORDER BY event_time, day_volume NULLS FIRST, event_id
    )
), told AS (
    SELECT *, CAST(greatest(coalesce(day_volume - before, 0), 0) AS HUGEINT) AS rise,
        before IS NOT NULL AND coalesce(day_volume >= before, true) AS is_told
    FROM known
), bar AS (
    SELECT source, instrument_id, bar_start, session, segment,
        arg_max(symbol, position) AS symbol, arg_max(mic, position) AS mic, arg_max(currency, position) AS currency,
        arg_min(micros, position) AS open, max(micros) AS high, min(micros) AS low, arg_max(micros, position) AS close,
        CAST(sum(rise) AS BIGINT) AS volume, sum(micros * rise) AS turnover, count(*) AS quote_count,
        bool_and(is_told) AS volume_is_complete, max(greatest(before, day_volume)) AS day_volume_high
    FROM told GROUP BY ALL
)
SELECT source, instrument_id, bar_start, session, symbol, mic, currency, segment,
    open, high, low, close, volume,
    CASE WHEN volume > 0 THEN (2 * turnover + volume) // (2 * CAST(volume AS HUGEINT)) END AS vwap,
    quote_count, volume_is_complete, day_volume_high
FROM bar
"""

PRICES = ("open", "high", "low", "close", "vwap")
VALUES = (
    "session",
    "symbol",
    "mic",
    "currency",
    "segment",
    *PRICES,
    "volume",
    "quote_count",
    "volume_is_complete",
    "day_volume_high",
)
STORED_MICROS = ", ".join(
    f"CAST(CAST({name} AS DECIMAL(38, 6)) * 1000000 AS HUGEINT) AS {name}" for name in PRICES
)
KEY = "source, instrument_id, bar_start"
EVENTS = """
CREATE TABLE event AS
SELECT DISTINCT ON (o.event_id) o.event_id, o.source, s.instrument_id, s.symbol, s.mic, s.currency AS unit, o.session,
    o.segment, make_timestamptz(o.event_time_us) AS event_time, o.day_volume,
    CAST(CAST(o.price AS DECIMAL(38, 6)) * 1000000 AS HUGEINT) AS micros
FROM opinion o JOIN silver.quotes s USING (event_id) WHERE o.violations = [] AND o.event_time_us IS NOT NULL
"""
DIFFERENT = f"""
SELECT CASE WHEN g.open IS NULL THEN 'missing' WHEN e.open IS NULL THEN 'not in bronze' ELSE 'differs' END, {KEY}
FROM expected e FULL JOIN (SELECT * REPLACE ({STORED_MICROS}) FROM {{stored}} WHERE {{in_range}}) g USING ({KEY})
WHERE {" OR ".join(f"e.{name} IS DISTINCT FROM g.{name}" for name in VALUES)} ORDER BY ALL
"""
TWICE = f"""
SELECT 'twice', {KEY} FROM gold.bars_1m GROUP BY ALL HAVING count(*) > 1
UNION ALL SELECT 'twice in the log', {KEY} FROM gold.bars_1m_log GROUP BY {KEY}, sequence HAVING count(*) > 1
"""


def check_gold(
    connection: "duckdb.DuckDBPyConnection", settings: "Settings", first: date, last: date
) -> list[Check]:
    """Invariant 3, for sessions in [first, last): all columns but is_final and revision."""
    import yaml

    connection.execute("CREATE TABLE unit (unit VARCHAR, major VARCHAR, factor INTEGER, valid_from DATE)")
    for unit in yaml.safe_load(settings.instruments.read_text()).get("currencies") or []:
        values = [unit["unit"], unit["major"], unit["factor"], unit["from"]]
        connection.execute("INSERT INTO unit VALUES (?, ?, ?, ?)", values)
    connection.execute(EVENTS)
    in_range = f"session >= DATE '{first}' AND session < DATE '{last}'"
    connection.execute(f"CREATE TABLE expected AS SELECT * FROM ({BARS}) WHERE {in_range}")
    worked_out = row(connection, "SELECT count(*) FROM expected")[0]
    statements = {
        "bar": "gold's bars are those worked out afresh from bronze",
        "merged_bar": "gold.bars_1m by itself is them too, unmerged ones aside",
    }
    checks = []
    for stored, statement in statements.items():
        wrong = examples(connection, DIFFERENT.format(stored=stored, in_range=in_range))
        bars = row(connection, f"SELECT count(*) FROM {stored} WHERE {in_range}")[0]
        checks.append(Check(3, statement, not wrong, {"bars": bars, "worked out": worked_out}, wrong))
    twice = examples(connection, TWICE)
    merged = {"rows": row(connection, "SELECT count(*) FROM gold.bars_1m")[0]}
    checks.append(Check(3, "gold.bars_1m and its log hold one row a key", not twice, merged, twice))
    return checks
