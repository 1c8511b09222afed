"""The DAGs as Airflow reads them: what each promises, and what flows through them."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from lake_assets import JOBS, SERVED

ROOT = Path(__file__).resolve().parents[2]
DAGS = {
    "daily_close": ("XNYS close + 4 h 30 min", timedelta(hours=2)),
    "hourly_intraday": ("XNYS open + 1 h, + 2 h, ..., close + 1 h", timedelta(minutes=45)),
    "stream_guard": ("*/5 * * * *", timedelta(minutes=4)),
    "stream_run": ("None", None),
    "weekly_upkeep": ("0 6 * * 6", timedelta(hours=6)),
}
# beside whom no other step writes a table
WRITES = {"optimize", "vacuum", "load_warehouse", *JOBS}
PAGE = (ROOT / "docs" / "tables.md").read_text()


@pytest.fixture(params=DAGS)
def dag(request: pytest.FixtureRequest, bag: DagBag) -> DAG:
    return bag.dags[request.param]


def after(dag: DAG, task_id: str) -> set[str]:
    return set(dag.get_task(task_id).downstream_task_ids)


def test_exactly_our_dags_are_there_and_all_can_be_read(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == set(DAGS)


def test_a_dag_has_no_cycle_and_comes_back_as_it_was_written_down(dag: DAG) -> None:
    dag.check_cycle()
    again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert again.task_ids == dag.task_ids
    assert again.timetable.summary == DAGS[dag.dag_id][0]


def test_a_dag_says_what_it_is_and_runs_once_at_a_time(dag: DAG) -> None:
    assert dag.doc_md
    assert dag.description
    assert dag.dag_display_name != dag.dag_id
    assert "market-data" in dag.tags
    assert (dag.catchup, dag.max_active_runs, dag.is_paused_upon_creation) == (False, 1, False)
    assert dag.start_date.date().isoformat() == "2000-01-01"


def test_a_dag_tells_the_ledger_of_its_runs(dag: DAG) -> None:
    assert dag.has_on_failure_callback
    assert dag.has_on_success_callback
    limits = [alert.interval for alert in dag.deadline or []]
    assert limits == ([DAGS[dag.dag_id][1]] if DAGS[dag.dag_id][1] else [])
    assert {alert.callback.path for alert in dag.deadline or []} <= {"run_reports.report_late"}


def test_a_task_has_an_owner_a_text_a_limit_and_patience(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.owner == "market-data", task
        assert task.doc_md, task
        assert task.retries == 3, task
        assert type(task.retry_policy).__name__ == "RetryUnlessBadData", task
        assert task.retry_exponential_backoff == 2, task
        assert task.max_retry_delay == timedelta(minutes=10), task
        # what the installation says, here the tests' own
        assert task.retry_delay == timedelta(seconds=7), task
        if dag.dag_id == "stream_run":
            assert task.execution_timeout is None
        else:
            assert timedelta(0) < task.execution_timeout <= DAGS[dag.dag_id][1], task


def test_of_the_steps_that_write_a_table_one_runs_at_a_time(dag: DAG) -> None:
    for task in dag.tasks:
        wanted = "spark_batch" if task.task_id in WRITES else "default_pool"
        assert task.pool == ("spark_stream" if task.task_id == "stream_quotes" else wanted), task


def test_the_day_is_worked_out_in_order(bag: DagBag) -> None:
    dag = bag.dags["daily_close"]
    fetches = [f"fetch_{source}{what}" for source in ("yahoo", "alpha_vantage") for what in ("", "_minutes")]
    assert {task.task_id for task in dag.roots} == {*fetches, "publish_reference"}
    for fetch in fetches:
        assert after(dag, fetch) == {"load_history", "all_fetched"}
    assert after(dag, "adjust_prices") - {"compute_indicators"} == {"check_parity"}
    assert after(dag, "load_history") == {"build_daily", "build_minutes"}
    chain = ["build_daily", "adjust_prices", "compute_indicators", "check_completeness", "reconcile_sources"]
    for one, next_one in pairwise([*chain, "load_warehouse"]):
        assert next_one in after(dag, one)
    assert after(dag, "build_minutes") == {"check_completeness", "check_parity"}
    assert after(dag, "publish_reference") == {"load_warehouse"}
    assert after(dag, "load_warehouse") == {"reconcile_warehouse"}


def test_the_hour_is_worked_out_in_order_and_a_report_holds_nothing_up(bag: DagBag) -> None:
    dag = bag.dags["hourly_intraday"]
    chain = ["fetch_minutes", "load_history", "build_minutes", "load_warehouse", "freshness"]
    for one, next_one in pairwise(chain):
        assert next_one in after(dag, one)
    assert after(dag, "check_parity") == set()


@pytest.mark.parametrize("dag_id", ["daily_close", "hourly_intraday"])
def test_a_vendor_that_is_away_fails_the_run_and_not_the_others_work(bag: DagBag, dag_id: str) -> None:
    dag = bag.dags[dag_id]
    assert dag.get_task("load_history").trigger_rule == "all_done"
    assert (dag.get_task("all_fetched").trigger_rule, after(dag, "all_fetched")) == ("all_success", set())
    fetches = {task.task_id for task in dag.tasks if task.task_id.startswith("fetch_")}
    assert dag.get_task("all_fetched").upstream_task_ids == fetches


def test_a_lake_that_holds_nothing_yet_fails_no_step(bag: DagBag) -> None:
    for dag_id in ("daily_close", "hourly_intraday", "weekly_upkeep"):
        for task in bag.dags[dag_id].tasks:
            if isinstance(task, SparkSubmitOperator):
                assert "--allow-empty" in task.application_args, task
            elif isinstance(task, BashOperator) and task.task_id != "freshness":
                assert "--allow-empty" in task.bash_command, task


def test_a_program_that_is_submitted_exists(bag: DagBag) -> None:
    tasks = [task for dag in bag.dags.values() for task in dag.tasks if isinstance(task, SparkSubmitOperator)]
    assert {task.task_id for task in tasks} == set(JOBS)
    for task in tasks:
        assert Path(task.application) == ROOT / "jobs" / f"{task.task_id}.py"
        assert Path(task.application).is_file()


def test_a_job_writes_the_tables_that_the_data_dictionary_says() -> None:
    written = re.findall(r"^## (\S+)\n.*?Writer: `jobs/(\w+)\.py`", PAGE, re.MULTILINE | re.DOTALL)
    assert len(written) > 15
    assert sorted((table, job) for job, flow in JOBS.items() for table in flow.writes) == sorted(written)


def test_every_asset_that_is_read_has_a_producer_and_every_table_of_gold_is_loaded(bag: DagBag) -> None:
    tasks = [task for dag in bag.dags.values() for task in dag.tasks]
    read = {asset.name for task in tasks for asset in task.inlets}
    made = {asset.name: asset.group for task in tasks for asset in task.outlets}
    assert read <= set(made)
    assert set(made.values()) == {"raw", "bronze", "silver", "gold", "warehouse"}
    assert all(name.startswith(f"{group}.") for name, group in made.items())
    of_gold = {name for name in made if name.startswith("gold.")}
    assert of_gold == set(re.findall(r"^## (gold\.\S+)", PAGE, re.MULTILINE))
    # the log is a part of gold.bars_1m
    assert of_gold - {"gold.bars_1m_log"} == set(SERVED)
    assert {f"gold.{name.partition('.')[2]}" for name in made if name.startswith("warehouse.")} == set(SERVED)
