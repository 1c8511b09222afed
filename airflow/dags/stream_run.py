"""The streaming job, for as long as it runs."""

from airflow.sdk import dag
from steps import DAG_OPTIONS, STREAM, spark_step

ABOUT = """
### The stream

Quotes from Kafka into bronze, silver and gold, until the job is stopped; a failure is retried. One at a time, started
by `stream_guard` or by hand. To stop it, pause `stream_guard` and mark the task as succeeded.
"""


@dag(
    **DAG_OPTIONS,
    schedule=None,
    dag_display_name="Stream of quotes",
    description="The streaming job, one at a time",
    doc_md=ABOUT,
    tags=["market-data", "stream"],
)
def stream_run() -> None:
    spark_step(
        "stream_quotes",
        *("--wait", "120"),
        doc="Runs until it is stopped: it has no time limit.",
        limit=None,
        pool=STREAM,
    )


stream_run()
