"""Tasks that run our programs: a job of Spark, or the command line, each as a process in the product's environment."""

import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Asset, Connection, Context, TriggerRule
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.log import mask_secret
from bad_data import RetryUnlessBadData
from lake_assets import JOBS, assets, in_warehouse
from run_reports import report_failure, report_success
from surroundings import ROOT, of_step, place

SPARK = "spark_default"
SESSION = "{{ partition_key }}"
# the step's session, patience for another program's lease, and no fault in a lake that is still empty
PATIENT = ("--wait", "600", "--allow-empty")
OF_SESSION = ("--session", SESSION, *PATIENT)
# a vendor corrects the last days, a budget lets a day wait, and Airflow may have been down for a few
OF_LAST_DAYS = ("--session", SESSION, "--days-before", "9", *PATIENT)
BATCH, STREAM, LIGHT = "spark_batch", "spark_stream", "default_pool"
# a session is a minute's work: the optimizing compiler would take more than it gives back
QUICK_START = {"spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1"}

# what all our DAGs share; a backfill before the start_date would be an empty success
DAG_OPTIONS: dict[str, Any] = {
    "start_date": pendulum.datetime(2000, 1, 1),
    "catchup": False,
    "max_active_runs": 1,
    "is_paused_upon_creation": False,
    "on_success_callback": report_success,
    "on_failure_callback": report_failure,
    "default_args": {
        "owner": "market-data",
        "retries": 3,
        "retry_policy": RetryUnlessBadData(),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
    },
}


def spark_step(
    job: str, *options: str, doc: str, limit: timedelta | None, pool: str = BATCH, **more: Any
) -> SparkSubmitOperator:
    """A task that submits `jobs/JOB.py` to the master that the connection names."""
    home = place("SPARK_HOME")
    return SparkSubmitOperator(
        task_id=job,
        doc_md=doc,
        conn_id=SPARK,
        spark_binary=f"{home}/bin/spark-submit",
        application=str(ROOT / "jobs" / f"{job}.py"),
        application_args=list(options),
        name="{{ dag.dag_id }}.{{ task.task_id }}",
        conf=QUICK_START if pool == BATCH else None,
        # a standalone master would give all of its cores to the stream, which never ends
        total_executor_cores=1 if pool == STREAM else None,
        env_vars=of_step(),
        pre_execute=before_spark,
        pool=pool,
        execution_timeout=limit,
        inlets=assets(JOBS[job].reads),
        outlets=assets(JOBS[job].writes),
        **more,
    )


def load_history(limit: timedelta) -> SparkSubmitOperator:
    """A task that loads what was fetched, of one vendor if the other is away."""
    return spark_step(
        "load_history",
        *PATIENT,
        doc="What was fetched, line by line, into the lake.",
        limit=limit,
        trigger_rule=TriggerRule.ALL_DONE,
    )


def product_step(
    task_id: str,
    *words: str,
    doc: str,
    limit: timedelta,
    pool: str = LIGHT,
    inlets: Sequence[Asset] = (),
    outlets: Sequence[Asset] = (),
    answers: bool = False,
) -> BashOperator:
    """A task that runs `tapehouse WORDS`; if it `answers`, its last line is kept for the tasks that follow."""
    return BashOperator(
        task_id=task_id,
        doc_md=doc,
        bash_command=f'exec "$TAPEHOUSE_PYTHON" -m tapehouse {shlex.join(words)}',
        cwd=str(ROOT),
        env=of_step(),
        append_env=True,
        skip_on_exit_code=None,
        do_xcom_push=answers,
        pre_execute=before_step,
        pool=pool,
        execution_timeout=limit,
        inlets=list(inlets),
        outlets=list(outlets),
    )


def check_parity(limit: timedelta) -> SparkSubmitOperator:
    """A task that compares the stream's bars of the session with those of bronze."""
    doc = "The stream's bars compared with those worked out again."
    return spark_step("check_parity", *OF_SESSION, doc=doc, limit=limit)


def load_warehouse(*words: str, of: Sequence[str], doc: str, limit: timedelta) -> BashOperator:
    """A task that runs `tapehouse load WORDS`, which loads tables `of` gold."""
    return product_step(
        "load_warehouse",
        *("load", *words, "--allow-empty"),
        doc=doc,
        limit=limit,
        pool=BATCH,
        inlets=assets(of),
        outlets=in_warehouse(of),
    )


def all_fetched(fetches: Sequence[BashOperator]) -> EmptyOperator:
    """What fails a run whose day was worked out although a vendor could not be asked for all of it."""
    done = EmptyOperator(
        task_id="all_fetched",
        doc_md="Fails with a fetch; what came is worked out all the same.",
        execution_timeout=timedelta(minutes=2),
    )
    fetches >> done
    return done


def before_step(context: Context) -> None:
    """Hide the store's key id, which Airflow takes for a plain name, and refuse a run of no session."""
    mask_secret(Connection.get("tapehouse_store").login)
    if getattr(context["dag"].timetable, "partitioned", False) and not context["partition_key"]:
        raise AirflowFailException(
            "the run is of no session; found no partition key; "
            "remedy: trigger the DAG with the session as partition key, as 2026-11-27"
        )


def before_spark(context: Context) -> None:
    """Refuse to submit without a master: SparkSubmitOperator would take YARN for it and say so in one line."""
    before_step(context)
    if not Connection.get(SPARK).host:
        raise AirflowFailException(
            f"no Spark master is known; found no host in the connection {SPARK}; "
            "remedy: set it to local[2] or spark://host:port"
        )
