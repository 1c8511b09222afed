"""The bars of gold worked out afresh, in DuckDB, from the accepted messages of bronze."""

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
    SELECT source, instrument_id, bar_start, session, symbol, mic, currency, segment,
        arg_min(micros, position) AS open, max(micros) AS high, min(micros) AS low, arg_max(micros, position) AS close,
        CAST(sum(rise) AS BIGINT) AS volume, sum(micros * rise) AS turnover, count(*) AS quote_count,
        bool_and(is_told) AS volume_is_complete, max(greatest(before, day_volume)) AS day_volume_high
    FROM told GROUP BY ALL
)
SELECT source, instrument_id, bar_start, session, symbol, mic, currency, segment,
    open, high, low, close, volume,
    CASE WHEN volume > 0 THEN (2 * turnover + volume) // (2 * volume) END AS vwap,
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
STORED_MICROS = ", ".join(f"CAST({name} * 1000000 AS HUGEINT) AS {name}" for name in PRICES)
