"""What a task runs: its command and environment as Airflow renders them, and what nobody may read in them."""

import json
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.execution_time.context import ConnectionAccessor
from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields
from conftest import CONNECTIONS, ROOT, SECRETS
from surroundings import WAREHOUSE, SurroundingsError, place

Step = SparkSubmitOperator | BashOperator
Rendered = Callable[[str, str], Step]
WITH_PROGRAM = [
    ("daily_close", "fetch_yahoo"),
    ("daily_close", "load_history"),
    ("hourly_intraday", "build_minutes"),
    ("stream_run", "stream_quotes"),
    ("weekly_upkeep", "optimize"),
]


def context_of(step: Step, key: str | None = "2026-11-27") -> dict[str, Any]:
    return {
        "dag": step.dag,
        "task": step,
        "ti": SimpleNamespace(task_id=step.task_id, try_number=1),
        "conn": ConnectionAccessor(),
        "partition_key": key,
    }


@pytest.fixture
def rendered() -> Iterator[Rendered]:
    """A step with its templates filled; each test has DAGs of its own, since rendering changes them."""
    bag = DagBag()

    def render(dag_id: str, task_id: str) -> Step:
        step = bag.dags[dag_id].get_task(task_id)
        step.render_template_fields(context_of(step))
        return step

    return render


def submitted(step: Step) -> list[str]:
    return step._get_hook()._build_spark_submit_command(step.application)


def environment(step: Step) -> dict[str, str]:
    return step.env if isinstance(step, BashOperator) else step.env_vars


def test_a_job_is_submitted_to_the_master_of_the_connection(rendered: Rendered) -> None:
    assert submitted(rendered("daily_close", "build_daily")) == [
        "/opt/spark/bin/spark-submit",
        *("--master", "local[2]"),
        *("--conf", "spark.driver.defaultJavaOptions=-XX:TieredStopAtLevel=1"),
        *("--name", "daily_close.build_daily"),
        *("--deploy-mode", "client"),
        f"{ROOT}/jobs/build_daily.py",
        *("--session", "2026-11-27", "--days-before", "9", "--wait", "600", "--allow-empty"),
    ]


def test_another_master_is_another_connection_and_nothing_else(
    rendered: Rendered, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = submitted(rendered("stream_run", "stream_quotes"))
    there = CONNECTIONS["spark_default"] | {"host": "spark://127.0.0.1:7077"}
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps(there))
    command = submitted(rendered("stream_run", "stream_quotes"))
    assert command[command.index("--master") + 1] == "spark://127.0.0.1:7077"
    assert [word.replace("spark://127.0.0.1:7077", "local[2]") for word in command] == here
    assert here[-2:] == ["--wait", "120"]
    # it would have all of the master's cores, and never end
    assert here[here.index("--total-executor-cores") + 1] == "1"


def test_the_command_line_is_run_in_the_products_python(rendered: Rendered) -> None:
    step = rendered("hourly_intraday", "fetch_minutes")
    assert step.bash_command == (
        "exec \"$TAPEHOUSE_PYTHON\" -m tapehouse fetch --session '2026-11-27' --source yahoo --interval 1m"
        " --allow-empty"
    )
    assert step.append_env
    assert step.cwd == str(ROOT)


@pytest.mark.parametrize(("dag_id", "task_id"), WITH_PROGRAM)
def test_a_program_finds_all_it_needs_in_its_environment(
    rendered: Rendered, dag_id: str, task_id: str
) -> None:
    python = f"{ROOT}/.venv/bin/python"
    found = environment(rendered(dag_id, task_id))
    assert {name: value for name, value in found.items() if value} == {
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "SPARK_HOME": "/opt/spark",
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "PGHOST": "127.0.0.1",
        "PGPORT": "5439",
        "PGDATABASE": "tapehouse",
        "PGUSER": "tapehouse",
        "PGPASSWORD": SECRETS["ledger"],
        "AWS_ENDPOINT_URL": "http://127.0.0.1:8333",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": SECRETS["store_id"],
        "AWS_SECRET_ACCESS_KEY": SECRETS["store"],
        "TAPEHOUSE_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
        "TAPEHOUSE_KAFKA_USER": "stream",
        "TAPEHOUSE_KAFKA_PASSWORD": SECRETS["kafka"],
        "TAPEHOUSE_KAFKA_TLS_CA": "/etc/kafka/ca.pem",
        "WAREHOUSE": "duckdb",
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": SECRETS["passphrase"],
        "ALPHAVANTAGE_API_KEY": SECRETS["vendor"],
        "TAPEHOUSE_SESSION": "2026-11-27",
    }
    not_given = {"ACCOUNT", "USER", "PRIVATE_KEY_FILE", "ROLE", "WAREHOUSE", "DATABASE", "SCHEMA"}
    not_given |= {"HOST", "PORT", "PROTOCOL"}
    assert {name for name, value in found.items() if not value} == {f"SNOWFLAKE_{name}" for name in not_given}


def test_a_vendor_without_a_key_and_a_run_without_a_session_find_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TAPEHOUSE_ALPHA_VANTAGE", json.dumps({"conn_type": "generic"}))
    step = DagBag().dags["weekly_upkeep"].get_task("vacuum")
    step.render_template_fields(context_of(step, key=None))
    assert (step.env["ALPHAVANTAGE_API_KEY"], step.env["TAPEHOUSE_SESSION"]) == ("", "")


def test_every_setting_of_a_warehouse_comes_from_its_connection() -> None:
    settings = (ROOT / "jobs" / "lake" / "settings.py").read_text()
    assert set(WAREHOUSE) == set(re.findall(r'alias="(WAREHOUSE|SNOWFLAKE_\w+)"', settings))


def test_every_word_of_every_command_is_text_and_none_is_a_secret(bag: DagBag, rendered: Rendered) -> None:
    for dag in bag.dags.values():
        for task in dag.tasks:
            if not isinstance(task, Step):
                continue
            step = rendered(dag.dag_id, task.task_id)
            command = [step.bash_command] if isinstance(step, BashOperator) else submitted(step)
            assert all(isinstance(word, str) for word in command)
            assert not any(secret in word for word in command for secret in SECRETS.values())


@pytest.mark.parametrize(("dag_id", "task_id"), WITH_PROGRAM)
def test_what_the_page_of_a_task_shows_hides_the_secrets(
    rendered: Rendered, dag_id: str, task_id: str
) -> None:
    shown = json.dumps(_serialize_rendered_fields(rendered(dag_id, task_id)))
    assert "***" in shown
    assert not any(secret in shown for secret in SECRETS.values())
    assert "127.0.0.1:8333" in shown


def test_the_stores_key_id_is_hidden_before_a_program_starts(
    bag: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden: list[str] = []
    for dag_id, task_id in WITH_PROGRAM:
        step = bag.dags[dag_id].get_task(task_id)
        # Airflow loads the folder of plugins once more, so there may be two modules of this name
        monkeypatch.setitem(step._pre_execute_hook.__globals__, "mask_secret", hidden.append)
        step._pre_execute_hook(context_of(step))
    assert hidden == [SECRETS["store_id"]] * len(WITH_PROGRAM)


def test_without_a_spark_connection_a_job_fails(bag: DagBag, monkeypatch: pytest.MonkeyPatch) -> None:
    step = bag.dags["stream_run"].get_task("stream_quotes")
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark"}))
    with pytest.raises(AirflowFailException, match=r"no host in the connection spark_default"):
        step._pre_execute_hook(context_of(step))
    monkeypatch.delenv("AIRFLOW_CONN_SPARK_DEFAULT")
    with pytest.raises(AirflowException, match="spark_default"):
        step._pre_execute_hook(context_of(step))


def test_a_run_of_no_session_is_refused_where_the_dag_has_sessions(bag: DagBag) -> None:
    step = bag.dags["daily_close"].get_task("fetch_yahoo")
    with pytest.raises(AirflowFailException, match="found no partition key"):
        step._pre_execute_hook(context_of(step, key=None))
    guard = bag.dags["stream_guard"].get_task("look")
    guard._pre_execute_hook(context_of(guard, key=None))


def test_an_airflow_that_does_not_know_the_product_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAPEHOUSE_PYTHON")
    with pytest.raises(SurroundingsError, match="found no TAPEHOUSE_PYTHON in its environment"):
        place("TAPEHOUSE_PYTHON")


def test_only_the_guards_answer_is_kept(bag: DagBag) -> None:
    keep = [
        task.task_id
        for dag in bag.dags.values()
        for task in dag.tasks
        if isinstance(task, BashOperator) and task.do_xcom_push
    ]
    assert keep == ["look"]
