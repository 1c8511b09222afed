"""The day of an exchange session, from the vendors to a reconciled warehouse."""

from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import chain, dag
from lake_assets import RAW_HISTORY, SERVED, assets, in_warehouse
from run_reports import deadline
from session_timetables import AfterClose
from steps import (
    DAG_OPTIONS,
    OF_LAST_DAYS,
    PATIENT,
    SESSION,
    all_fetched,
    check_parity,
    load_history,
    load_warehouse,
    product_step,
    spark_step,
)

ABOUT = """
### The day of a session, when its last post-market minute is final

The history of the day from both vendors, loaded, built, adjusted, checked, and loaded into a reconciled warehouse. The
partition key is the session. The nine days before it are gone through too: a vendor corrects the last days. A vendor's
budget that is spent is a gap `not_fetched`, and the run goes on; a vendor that cannot be asked fails it at the end.

Sessions of the past: `airflow backfill create --dag-id daily_close --from-date 2026-11-20 --to-date 2026-11-27
--max-active-runs 1`.
"""
FETCH, JOB, LOAD = timedelta(minutes=20), timedelta(minutes=60), timedelta(minutes=45)
# what hourly_intraday has fetched since the close is not asked for again
FETCHES = (
    ("yahoo", "1d", "fetch_yahoo"),
    ("yahoo", "1m", "fetch_yahoo_minutes"),
    ("alpha_vantage", "1d", "fetch_alpha_vantage"),
    ("alpha_vantage", "1m", "fetch_alpha_vantage_minutes"),
)
# one after the other, each from what the one before has written
OF_DAY = {
    "build_daily": "Daily bars, splits and dividends.",
    "adjust_prices": "Prices as the actions adjust them.",
    "compute_indicators": "Indicators of the prices.",
    "check_completeness": "What is followed and was not received.",
    "reconcile_sources": "Where the sources contradict one another.",
}


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
    fetches = [_fetch(*each) for each in FETCHES]
    all_fetched(fetches)
    loaded = load_history(JOB)
    of_day = {job: spark_step(job, *OF_LAST_DAYS, doc=doc, limit=JOB) for job, doc in OF_DAY.items()}
    build_minutes = spark_step(
        "build_minutes",
        *OF_LAST_DAYS,
        doc="Minutes of the stream and of vendors, post-market too.",
        limit=JOB,
    )
    publish_reference = spark_step(
        "publish_reference", *PATIENT, doc="Instruments and sessions for the readers of gold.", limit=JOB
    )
    in_it = load_warehouse(
        "--all", of=SERVED, doc="The warehouse made exactly the newest versions of gold.", limit=LOAD
    )
    reconcile_warehouse = product_step(
        "reconcile_warehouse",
        *("reconcile", "--allow-empty"),
        doc="The warehouse compared with the lake, by count and by checksum.",
        limit=LOAD,
        inlets=in_warehouse(SERVED),
    )

    chain(fetches, loaded, *of_day.values(), in_it, reconcile_warehouse)
    # both compare minutes with what they should be
    loaded >> build_minutes >> of_day["check_completeness"]
    [build_minutes, of_day["adjust_prices"]] >> check_parity(JOB)
    publish_reference >> in_it


def _fetch(source: str, interval: str, task_id: str) -> BashOperator:
    return product_step(
        task_id,
        *("fetch", "--session", SESSION, "--source", source, "--interval", interval, "--allow-empty"),
        doc=f"The day's history from {source}, {interval}, within its budget.",
        limit=FETCH,
        outlets=assets([RAW_HISTORY]),
    )


daily_close()
