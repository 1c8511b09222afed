"""Tables as assets: what each program reads and writes, so that the UI shows the flow and what is fresh."""

from collections.abc import Iterable
from typing import NamedTuple

from airflow.sdk import Asset

RAW_HISTORY = "raw.history"
SERVED = (
    "gold.bars_1m",
    "gold.bars_1d",
    "gold.bars_1d_versions",
    "gold.actions",
    "gold.adjusted_bars_1d",
    "gold.minutes",
    "gold.instruments",
    "gold.sessions",
    "gold.indicators_1d",
    "gold.gaps",
    "gold.discrepancies",
)


class Flow(NamedTuple):
    """Names of the tables that a job of Spark reads and writes."""

    reads: tuple[str, ...]
    writes: tuple[str, ...]


JOBS = {
    "stream_quotes": Flow(
        (), ("bronze.quotes", "silver.quotes", "silver.rejected", "gold.bars_1m_log", "gold.bars_1m")
    ),
    "load_history": Flow((RAW_HISTORY,), ("bronze.history", "silver.history_rejected")),
    "build_daily": Flow(("bronze.history",), ("silver.bars_1d", "silver.actions")),
    "adjust_prices": Flow(
        ("silver.bars_1d", "silver.actions"),
        ("gold.bars_1d", "gold.bars_1d_versions", "gold.actions", "gold.adjusted_bars_1d"),
    ),
    "compute_indicators": Flow(("gold.adjusted_bars_1d",), ("gold.indicators_1d",)),
    "build_minutes": Flow(
        ("bronze.history", "gold.bars_1m", "gold.bars_1m_log"), ("silver.vendor_bars_1m", "gold.minutes")
    ),
    "publish_reference": Flow((), ("gold.instruments", "gold.sessions")),
    "check_completeness": Flow(
        (
            "bronze.history",
            "silver.history_rejected",
            "silver.bars_1d",
            "silver.vendor_bars_1m",
            "gold.bars_1m",
        ),
        ("gold.gaps",),
    ),
    "reconcile_sources": Flow(
        ("silver.bars_1d", "silver.vendor_bars_1m", "gold.bars_1m"), ("gold.discrepancies",)
    ),
    "check_parity": Flow(("bronze.quotes", "gold.bars_1m", "gold.minutes", "gold.bars_1d"), ()),
}


def asset(table: str) -> Asset:
    """The asset of a table: `gold.bars_1d` in the group gold."""
    return Asset(table, group=table.partition(".")[0])


def assets(tables: Iterable[str]) -> list[Asset]:
    return [asset(table) for table in tables]


def in_warehouse(tables: Iterable[str]) -> list[Asset]:
    """What is loaded from tables of gold: `warehouse.bars_1d` from `gold.bars_1d`."""
    return [asset(table.replace("gold.", "warehouse.", 1)) for table in tables]
