"""What a demo adds up to: counts from the tables, latency from the send to visible in gold."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from producers.tape import Delivery
    from tapehouse.verify_report import Report

REJECTED_BY_RULE = """
SELECT rule, count(*) FROM (SELECT unnest(violations) AS rule FROM silver.rejected) GROUP BY 1 ORDER BY 2 DESC, 1
"""
NEWEST_BAR = """
SELECT symbol, bar_start, low, high, close, volume FROM gold.bars_1m ORDER BY bar_start DESC, quote_count DESC LIMIT 1
"""
FINAL_BAR = (
    "SELECT symbol, bar_start FROM gold.bars_1m WHERE is_final ORDER BY bar_start DESC, symbol LIMIT 1"
)
NEXT = (
    '.venv/bin/tapehouse sql "select symbol, bar_start, close, vwap, volume from gold.bars_1m limit 9"',
    '.venv/bin/tapehouse sql "select violations, count(*) from silver.rejected group by 1"',
    '.venv/bin/tapehouse sql --warehouse "select table_name, to_version, rows_total from lake_loads"',
    ".venv/bin/tapehouse verify",
)


def newest_bar(settings: "Settings") -> str:
    """The bar of the newest minute in gold that most quotes made, as a line."""
    from tapehouse.delta import attach, connect

    connection = connect()
    attach(connection, settings, versions={})
    rows = connection.execute(NEWEST_BAR).fetchall()
    if not rows:
        return "no bar yet"
    symbol, minute, low, high, close, volume = rows[0]
    return (
        f"gold  {minute:%H:%M}Z {symbol:6} low {low:.2f} high {high:.2f} close {close:.2f} volume {volume:,}"
    )


def summarise(
    settings: "Settings",
    report: "Report",
    batches: list[dict[str, Any]],
    *,
    tape: "list[Delivery]",
    seconds: float,
) -> dict[str, Any]:
    """The demo's figures; seconds are wall clock, latency is that of every message, duplicates included."""
    from tapehouse.delta import attach, connect

    connection = connect()
    attach(connection, settings, versions={})
    tables = ("bronze.quotes", "silver.quotes", "silver.rejected")
    events, accepted, rejected = (_one(connection, f"SELECT count(*) FROM {table}") for table in tables)
    bars = "SELECT count(*), count(*) FILTER (is_final) FROM gold.bars_1m"
    (all_bars, final), p50_and_p95 = connection.execute(bars).fetchall()[0], _latency(connection, batches)
    busy = sum(batch["seconds"] for batch in batches)
    failed = sum(not check.ok for check in report.checks)
    return {
        "sent": len(tape),
        "send_seconds": round(seconds, 1),
        "events": events,
        "accepted": accepted,
        "rejected": rejected,
        "rejected_by_rule": dict(connection.execute(REJECTED_BY_RULE).fetchall()),
        "duplicates": next(c.counted["duplicates"] for c in report.checks if "duplicates" in c.counted),
        "bars": all_bars,
        "final_bars": final,
        "final_bar": connection.execute(FINAL_BAR).fetchone(),
        "batches": len(batches),
        "events_per_second": round(events / busy) if busy else None,
        "latency_p50_seconds": p50_and_p95[0],
        "latency_p95_seconds": p50_and_p95[1],
        "invariants": {"hold": report.ok, "checks": len(report.checks), "failed": failed},
    }


def show(summary: dict[str, Any], *, kept: bool) -> None:
    """Print the summary, and what to try next."""
    rules = ", ".join(f"{rule} {count}" for rule, count in summary["rejected_by_rule"].items())
    held, p50, p95 = summary["invariants"], summary["latency_p50_seconds"], summary["latency_p95_seconds"]
    verdict = "all hold" if held["hold"] else f"{held['failed']} FAILED"
    lines = {
        "events": f"{summary['events']:,} in bronze, sent in {summary['send_seconds']} s",
        "accepted": f"{summary['accepted']:,} quotes in silver",
        "duplicates": f"{summary['duplicates']:,} recognised",
        "rejected": f"{summary['rejected']:,} kept aside with their reasons",
        "by rule": rules or "none",
        "bars": f"{summary['bars']:,} one-minute bars in gold, {summary['final_bars']:,} of them final",
        "throughput": f"{summary['events_per_second']:,} events/s while a batch ran, {summary['batches']} batches",
        "latency": f"p50 {p50} s, p95 {p95} s from send to visible in gold",
        "invariants": f"{held['checks']} checks of invariants 1-3: {verdict}",
        "warehouse": _warehouse(summary["warehouse"]),
    }
    if kept:
        lines["live page"] = summary["page"]
    _print(lines)
    heading = "the services are up until `make down`; try" if kept else "to query it: make demo KEEP=1, then"
    print(f"\n{heading}:")
    explained = [explain_command(*summary["final_bar"])] if summary["final_bar"] else []
    for command in (*NEXT, *explained):
        print(f"  {command}")


def explain_command(symbol: str, minute: datetime) -> str:
    """What explains a bar, as it is typed."""
    return f".venv/bin/tapehouse explain {symbol} {minute.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def _warehouse(loaded: dict[str, Any]) -> str:
    table = f"{loaded['table']} is version {loaded['version']} of the lake"
    if not loaded["equal"]:
        return f"{table}: they DIFFER, see tapehouse reconcile"
    return f"{table}: {loaded['rows']:,} rows, {loaded['columns']} column checksums equal, receipt {loaded['load_id']}"


def _print(lines: dict[str, str]) -> None:
    """Two columns, wrapped to the terminal; 80 wide elsewhere."""
    import shutil
    import sys
    import textwrap

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    for name, text in lines.items():
        indent = " " * 14
        print(
            textwrap.fill(text, width=max(width, 60), initial_indent=f"  {name:12}", subsequent_indent=indent)
        )


def _latency(connection: Any, batches: list[dict[str, Any]]) -> tuple[float | None, float | None]:
    connection.execute(
        'CREATE TABLE visible (topic VARCHAR, partition INTEGER, "first" BIGINT, "last" BIGINT, seen TIMESTAMPTZ)'
    )
    for batch in batches:
        for partition, end in batch["end"].items():
            start, at = batch["start"].get(partition, end), batch["committed_at"].astimezone(UTC)
            connection.execute(
                "INSERT INTO visible VALUES (?, ?, ?, ?, ?)", [batch["topic"], int(partition), start, end, at]
            )
    rows = connection.execute(
        """SELECT quantile_cont(s, 0.5), quantile_cont(s, 0.95) FROM (
            SELECT epoch(v.seen) - epoch(b.kafka_time) AS s FROM bronze.quotes b JOIN visible v ON v.topic = b.topic
            AND v.partition = b.partition AND b."offset" >= v."first" AND b."offset" < v."last")"""
    ).fetchall()
    p50, p95 = rows[0]
    return (None, None) if p50 is None else (round(p50, 1), round(p95, 1))


def _one(connection: Any, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])
