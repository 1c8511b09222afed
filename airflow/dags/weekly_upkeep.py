"""The week's upkeep of the lake, and the warehouse compared with it."""

from datetime import timedelta

from airflow.sdk import dag
from lake_assets import SERVED, in_warehouse
from run_reports import deadline
from steps import BATCH, DAG_OPTIONS, product_step

ABOUT = """
### The week's upkeep

On Saturday morning, when no exchange is open: small files written together, files that no version within the retention
needs removed, and the warehouse compared with the lake. Raw objects are evidence and never expire.
"""
LONG = timedelta(hours=2)


@dag(
    **DAG_OPTIONS,
    schedule="0 6 * * 6",
    deadline=deadline(timedelta(hours=6)),
    dag_display_name="Upkeep of the week",
    description="Optimize, vacuum, reconcile",
    doc_md=ABOUT,
    tags=["market-data", "upkeep", "weekly"],
)
def weekly_upkeep() -> None:
    optimize = product_step(
        "optimize",
        *("optimize", "--scheduled", "--allow-empty"),
        doc="Small files of tables written together.",
        limit=LONG,
        pool=BATCH,
    )
    vacuum = product_step(
        "vacuum",
        *("vacuum", "--scheduled", "--allow-empty"),
        doc="Files removed that no version within the retention needs.",
        limit=LONG,
        pool=BATCH,
    )
    reconcile = product_step(
        "reconcile",
        *("reconcile", "--allow-empty"),
        doc="Receipts compared with the warehouse and the lake.",
        limit=LONG,
        inlets=in_warehouse(SERVED),
    )

    optimize >> vacuum >> reconcile


weekly_upkeep()
