"""Which failure is tried again, told from what the operators really raise."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout
from airflow.sdk.execution_time.context import ConnectionAccessor
from bad_data import RetryUnlessBadData
from conftest import program


def raised_by(dag_id: str, task_id: str) -> AirflowException:
    """What a step of a DAG raises, whose program is what TAPEHOUSE_PYTHON and SPARK_HOME name."""
    step = DagBag().dags[dag_id].get_task(task_id)
    ti = SimpleNamespace(dag_id=dag_id, task_id=task_id, try_number=1)
    context: dict[str, Any] = {"dag": step.dag, "task": step, "ti": ti, "task_instance": ti}
    step.render_template_fields(context | {"conn": ConnectionAccessor(), "partition_key": "2026-11-27"})
    with pytest.raises(AirflowException) as raised:
        step.execute(context)
    return raised.value


@pytest.fixture(params=["spark", "product"])
def fails(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A step whose program says something and ends with an exit code."""

    def fail(code: int, *, says: str) -> AirflowException:
        if request.param == "spark":
            program(tmp_path / "bin" / "spark-submit", f'echo "{says}"; exit {code}')
            monkeypatch.setenv("SPARK_HOME", str(tmp_path))
            return raised_by("daily_close", "build_daily")
        program(tmp_path / "python", f'echo "{says}"; exit {code}')
        monkeypatch.setenv("TAPEHOUSE_PYTHON", str(tmp_path / "python"))
        return raised_by("daily_close", "fetch_yahoo")

    return fail


def test_bad_data_is_not_tried_again_and_the_reason_is_told(fails: Any) -> None:
    error = fails(42, says="error: high is below low. Error code is: 1.")
    decision = RetryUnlessBadData().evaluate(error, 1, 3)
    assert decision.action is RetryAction.FAIL
    assert decision.reason == (
        "the data is bad; found exit code 42 on try 1 of 4, which is not retried; "
        "remedy: read what the program said above, correct the data, clear the task"
    )


@pytest.mark.parametrize("code", [1, 2, 4, 75, 99, 137, 142])
def test_anything_else_is_tried_again_whatever_the_program_says(fails: Any, code: int) -> None:
    error = fails(code, says="Error code is: 42. It returned a non-zero exit code 42.")
    assert RetryUnlessBadData().evaluate(error, 1, 3).action is RetryAction.DEFAULT


def test_a_task_that_took_too_long_is_tried_again() -> None:
    assert (
        RetryUnlessBadData().evaluate(AirflowTaskTimeout("Timeout, PID: 42"), 1, 3).action
        is RetryAction.DEFAULT
    )
