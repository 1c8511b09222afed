"""The day of an exchange session, from the vendors to a reconciled warehouse."""

from datetime import timedelta

from airflow.sdk import dag
from lake_assets import RAW_HISTORY, SERVED, assets, in_warehouse
from run_reports import deadline
from session_timetables import AfterClose
from steps import BATCH, DAG_OPTIONS, OF_SESSION, SESSION, product_step, spark_step

ABOUT = """
### The day of a session, when its last post-market minute is final

The history of the day from both vendors, loaded, built, adjusted, checked, and loaded into a reconciled warehouse. The
partition key is the session; what the day already has is not worked out again. A vendor's budget that is spent is a gap
`not_fetched`, and the run goes on.

Sessions of the past: `airflow backfill create --dag-id daily_close --from-date 2026-11-20 --to-date 2026-11-27
--max-active-runs 1`.
"""
FETCH, JOB, LOAD = timedelta(minutes=20), timedelta(minutes=60), timedelta(minutes=45)


@dag(
    **DAG_OPTIONS,
    schedule=AfterClose(),
    deadline=deadline(timedelta(hours=2)),
    dag_display_name="Close of the day",
    description="The day of a session, from the vendors to a reconciled warehouse",
    doc_md=ABOUT,
    tags=["market-data", "session", "daily"],
)
def daily_close() -> None:
    fetches = [
        product_step(
            f"fetch_{source}",
            *("fetch", "--session", SESSION, "--source", source),
            doc=f"The day's history from {title}, within its budget.",
            limit=FETCH,
            outlets=assets([RAW_HISTORY]),
        )
        for source, title in (("yahoo", "Yahoo"), ("alpha_vantage", "Alpha Vantage"))
    ]
    load_history = spark_step(
        "load_history", "--wait", "600", doc="What was fetched, line by line, into the lake.", limit=JOB
    )
    publish_reference = spark_step(
        "publish_reference",
        *("--wait", "600", "--allow-empty"),
        doc="Instruments and sessions for the readers of gold.",
        limit=JOB,
    )
    build_daily = spark_step("build_daily", *OF_SESSION, doc="Daily bars, splits and dividends.", limit=JOB)
    adjust_prices = spark_step(
        "adjust_prices", *OF_SESSION, doc="Prices as the actions adjust them.", limit=JOB
    )
    compute_indicators = spark_step(
        "compute_indicators", *OF_SESSION, doc="Indicators of the prices.", limit=JOB
    )
    build_minutes = spark_step(
        "build_minutes", *OF_SESSION, doc="Minutes of the stream and of vendors, post-market too.", limit=JOB
    )
    check_completeness = spark_step(
        "check_completeness", *OF_SESSION, doc="What is followed and was not received.", limit=JOB
    )
    reconcile_sources = spark_step(
        "reconcile_sources", *OF_SESSION, doc="Where the sources contradict one another.", limit=JOB
    )
    load_warehouse = product_step(
        "load_warehouse",
        *("load", "--all", "--allow-empty"),
        doc="The warehouse made exactly the newest versions of gold.",
        limit=LOAD,
        pool=BATCH,
        inlets=assets(SERVED),
        outlets=in_warehouse(SERVED),
    )
    reconcile_warehouse = product_step(
        "reconcile_warehouse",
        *("reconcile", "--allow-empty"),
        doc="The warehouse compared with the lake, by count and by checksum.",
        limit=LOAD,
        inlets=in_warehouse(SERVED),
    )

    fetches >> load_history >> build_daily >> adjust_prices >> compute_indicators >> check_completeness
    check_completeness >> reconcile_sources >> load_warehouse >> reconcile_warehouse
    load_history >> build_minutes >> load_warehouse
    publish_reference >> load_warehouse


daily_close()
