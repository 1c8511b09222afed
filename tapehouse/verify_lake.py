"""Invariants 1 and 2: bronze is whole, and is what silver and rejected say."""

from typing import TYPE_CHECKING, Any

from tapehouse.verify_report import Check, examples, row

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from jobs.lake.settings import Settings
    from tapehouse.verify_tables import Ranges

AT = 'topic, partition, "offset"'

OFFSETS = """
SELECT CAST(sum(n) AS BIGINT), CAST(sum(d) AS BIGINT), CAST(sum(s) AS BIGINT) FROM (
    SELECT count(*) AS n, count(DISTINCT "offset") AS d, max("offset") - min("offset") + 1 AS s
    FROM bronze.quotes GROUP BY topic, partition)
"""
HOLES = f"""
SELECT 'hole after', {AT} FROM bronze.quotes
QUALIFY lead("offset") OVER (PARTITION BY topic, partition ORDER BY "offset") > "offset" + 1
"""
SINCE = """
SELECT count(*) FROM bronze.quotes b JOIN (VALUES {firsts}) r (topic, partition, "first")
    ON b.topic = r.topic AND b.partition = r.partition AND b."offset" >= r."first"
"""
JUDGED = """
CREATE TABLE judged (topic VARCHAR, partition INTEGER, "offset" BIGINT, violations VARCHAR[], event_id VARCHAR,
    source VARCHAR, vendor_symbol VARCHAR, event_time_us BIGINT, price VARCHAR, day_volume BIGINT, market_hours VARCHAR,
    currency VARCHAR, receive_time_us BIGINT, session DATE, segment VARCHAR)
"""
# unknown_instrument depends on the configuration of its day: it is taken as recorded
OPINION = f"""
CREATE TABLE opinion AS
SELECT j.* REPLACE (CASE WHEN list_contains(r.violations, 'unknown_instrument')
        THEN list_concat(list_filter(j.violations, lambda v: v <> 'outside_session'), ['unknown_instrument'])
        ELSE j.violations END AS violations),
    r.violations AS recorded
FROM judged j
LEFT JOIN (SELECT DISTINCT ON ({AT}) * FROM silver.rejected) r USING ({AT})
"""
DUPLICATES = f"""
SELECT count(*) FROM (SELECT 1 FROM opinion WHERE violations = []
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY {AT}) > 1)
"""
WRONGLY_JUDGED = f"""
SELECT {AT}, violations, recorded FROM opinion WHERE CASE WHEN violations = [] THEN recorded IS NOT NULL
    ELSE recorded IS NULL OR list_sort(recorded) <> list_sort(violations) END
"""
STRANGERS = f"SELECT 'not in bronze', {AT} FROM silver.rejected ANTI JOIN bronze.quotes USING ({AT})"
REJECTED_TWICE = f"SELECT 'twice', {AT} FROM silver.rejected GROUP BY ALL HAVING count(*) > 1"
OTHER_BYTES = f"""
SELECT 'other bytes', {AT} FROM silver.rejected r JOIN bronze.quotes b USING ({AT})
WHERE r.value IS DISTINCT FROM b.value OR r.key IS DISTINCT FROM b.key OR r.headers IS DISTINCT FROM b.headers
"""
ACCEPTED_TWICE = "SELECT 'twice', event_id FROM silver.quotes GROUP BY ALL HAVING count(*) > 1"
MISSING = """
SELECT DISTINCT 'missing', event_id FROM opinion ANTI JOIN silver.quotes USING (event_id) WHERE violations = []
"""
SAYS_OTHERWISE = f"""
SELECT s.event_id, {AT} FROM silver.quotes s LEFT JOIN opinion o USING ({AT}) LEFT JOIN bronze.quotes b USING ({AT})
WHERE o.violations IS DISTINCT FROM [] OR s.event_id <> o.event_id OR s.source <> o.source
    OR s.vendor_symbol <> o.vendor_symbol OR s.price IS DISTINCT FROM CAST(o.price AS DECIMAL(18, 6))
    OR s.day_volume IS DISTINCT FROM o.day_volume OR s.market_hours IS DISTINCT FROM o.market_hours
    OR s.currency <> coalesce(o.currency, s.currency) OR s.session <> o.session OR s.segment <> o.segment
    OR s.event_time IS DISTINCT FROM make_timestamptz(o.event_time_us)
    OR s.receive_time <> make_timestamptz(o.receive_time_us)
    OR s.bar_start IS DISTINCT FROM time_bucket(INTERVAL 1 MINUTE, s.event_time) OR s.kafka_time <> b.kafka_time
"""


def check_bronze(connection: "duckdb.DuckDBPyConnection", ranges: "Ranges") -> list[Check]:
    """Invariant 1: each offset once and without a hole, and as many as the commits say."""
    rows, distinct, span = row(connection, OFFSETS)
    twice = f"SELECT 'twice', {AT} FROM bronze.quotes GROUP BY ALL HAVING count(*) > 1"
    wrong = examples(connection, HOLES) + examples(connection, twice)
    counted = {"rows": rows, "offsets": distinct, "from first to last": span}
    once = Check(
        1, "bronze holds each offset once and without a hole", rows == distinct == span, counted, wrong
    )
    statement = "bronze is the sum of the ranges of its commits"
    if ranges.first_version:
        statement += f" since version {ranges.first_version}, the oldest that its log still holds"
    since = row(connection, SINCE.format(firsts=ranges.as_values()))[0]
    in_ranges = {"rows": since, "in ranges": ranges.messages}
    return [once, Check(1, statement, since == ranges.messages, in_ranges)]


def form_opinions(connection: "duckdb.DuckDBPyConnection", settings: "Settings") -> None:
    """Judge every message of bronze afresh: table `opinion`, with `recorded` = the violations that the lake holds."""
    from tapehouse.verify_hours import Hours
    from tapehouse.verify_messages import judge

    query = f"SELECT {AT}, value, kafka_time FROM bronze.quotes"
    bronze = connection.sql(query).to_arrow_table()
    connection.execute(JUDGED)
    recorded = connection.execute("SELECT DISTINCT source, vendor_symbol, mic FROM silver.quotes").fetchall()
    for opinions in judge(bronze, Hours(settings.instruments, recorded)):
        connection.register("arrived", _as_arrow(opinions))
        connection.execute("INSERT INTO judged SELECT * FROM arrived")
        connection.unregister("arrived")
    connection.execute(OPINION)


def check_conservation(connection: "duckdb.DuckDBPyConnection") -> list[Check]:
    """Invariant 2: bronze = accepted + rejected + duplicates, each counted by itself, and each rightly so."""
    counts = [
        row(connection, f"SELECT count(*) FROM {t}")[0]
        for t in ("bronze.quotes", "silver.quotes", "silver.rejected")
    ]
    bronze, accepted, rejected = counts
    duplicates = row(connection, DUPLICATES)[0]
    counted = {"in bronze": bronze, "accepted": accepted, "rejected": rejected, "duplicates": duplicates}
    whole = bronze == accepted + rejected + duplicates
    misjudged = examples(connection, WRONGLY_JUDGED)
    odd = [text for query in (STRANGERS, REJECTED_TWICE, OTHER_BYTES) for text in examples(connection, query)]
    events = row(connection, "SELECT count(DISTINCT event_id) FROM silver.quotes")[0]
    gone = examples(connection, ACCEPTED_TWICE) + examples(connection, MISSING)
    otherwise = examples(connection, SAYS_OTHERWISE)
    return [
        Check(2, "bronze is accepted, rejected and duplicates", whole, counted),
        Check(
            2,
            "each message is rejected for the rules that it breaks",
            not misjudged,
            {"messages": bronze},
            misjudged,
        ),
        Check(
            2,
            "each rejected message is one of bronze, once, byte for byte",
            not odd,
            {"rejected": rejected},
            odd,
        ),
        Check(
            2, "silver holds each accepted event once", not gone, {"rows": accepted, "events": events}, gone
        ),
        Check(2, "silver says what its message says", not otherwise, {"rows": accepted}, otherwise),
    ]


def _as_arrow(opinions: list[Any]) -> "pyarrow.Table":
    import pyarrow

    names = opinions[0]._fields
    integers = ("offset", "event_time_us", "day_volume", "receive_time_us")
    kinds = dict.fromkeys(integers, pyarrow.int64()) | {
        "partition": pyarrow.int32(),
        "session": pyarrow.date32(),
    }
    kinds["violations"] = pyarrow.list_(pyarrow.string())
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in names])
    columns = dict(zip(names, map(list, zip(*opinions, strict=True)), strict=True))
    return pyarrow.table(columns, schema=schema)
