"""The session so far, every hour while the exchange is open."""

from datetime import timedelta

from airflow.sdk import dag
from lake_assets import RAW_HISTORY, assets
from run_reports import deadline
from session_timetables import WhileOpen
from steps import (
    DAG_OPTIONS,
    OF_SESSION,
    SESSION,
    all_fetched,
    check_parity,
    load_history,
    load_warehouse,
    product_step,
    spark_step,
)

ABOUT = """
### The session so far

Every hour while the exchange is open, and once more an hour after its close: the vendor's minutes that the stream has
not, both served as gold.minutes and loaded into the warehouse, and a look whether the stream's tables are fresh. Beside
it bars are compared, those of the stream once all of the session's are final. The partition key is the session.
"""
MINUTES = ("gold.bars_1m", "gold.minutes")
JOB, SHORT = timedelta(minutes=30), timedelta(minutes=15)


@dag(
    **DAG_OPTIONS,
    schedule=WhileOpen(),
    deadline=deadline(timedelta(minutes=45)),
    dag_display_name="Hour of the session",
    description="Minutes of the session so far, served, compared and loaded",
    doc_md=ABOUT,
    tags=["market-data", "session", "hourly"],
)
def hourly_intraday() -> None:
    check_parity(JOB)
    fetch_minutes = product_step(
        "fetch_minutes",
        *("fetch", "--session", SESSION, "--source", "yahoo", "--interval", "1m", "--allow-empty"),
        doc="The session's minutes from Yahoo, within its budget.",
        limit=SHORT,
        outlets=assets([RAW_HISTORY]),
    )
    all_fetched([fetch_minutes])
    build_minutes = spark_step(
        "build_minutes", *OF_SESSION, doc="Minutes of the stream and of vendors, served.", limit=JOB
    )
    in_warehouse = load_warehouse(
        *MINUTES, of=MINUTES, doc="The warehouse's minutes made exactly those of gold.", limit=JOB
    )
    freshness = product_step(
        "freshness",
        "status",
        "--freshness",
        doc="Fails if quotes or bars of the stream are late.",
        limit=SHORT,
        inlets=assets(MINUTES),
    )

    fetch_minutes >> load_history(JOB) >> build_minutes >> in_warehouse >> freshness


hourly_intraday()
