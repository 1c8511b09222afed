"""A look at the stream every five minutes; it is started again if it does not run."""

from datetime import timedelta

from airflow.providers.standard.operators.python import ShortCircuitOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag
from run_reports import deadline
from steps import DAG_OPTIONS, product_step
from stream_watch import DAG_OF_STREAM, is_to_start

ABOUT = """
### Does the stream run?

`tapehouse guard` looks whether the streaming job runs, is fresh and keeps up, and whether the producers live. If it
does not run and Airflow owns it (`TAPEHOUSE_STREAM_OWNER=airflow`), the guard triggers `stream_run`, unless one is
queued or running.
"""
SHORT = timedelta(minutes=2)


@dag(
    **DAG_OPTIONS,
    schedule="*/5 * * * *",
    deadline=deadline(timedelta(minutes=4)),
    dag_display_name="Guard of the stream",
    description="Looks at the stream every five minutes and starts it if it does not run",
    doc_md=ABOUT,
    tags=["market-data", "stream"],
)
def stream_guard() -> None:
    look = product_step(
        "look", "guard", doc="One look; its answer is `start` or `leave`.", limit=SHORT, answers=True
    )
    is_wanted = ShortCircuitOperator(
        task_id="is_wanted",
        python_callable=is_to_start,
        op_args=[look.output],
        doc_md="Goes on if the answer is `start` and no run of the stream is queued or running.",
        execution_timeout=SHORT,
    )
    start = TriggerDagRunOperator(
        task_id="start",
        trigger_dag_id=DAG_OF_STREAM,
        doc_md="Triggers the stream and does not wait for it.",
        execution_timeout=SHORT,
    )

    look >> is_wanted >> start


stream_guard()
