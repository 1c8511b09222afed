"""Airflow's runs in the ledger: written by the programs that it starts, by `dag-run`, and shown by `status`."""

import json
import uuid
from contextlib import closing
from typing import Any

import pytest

from jobs.lake.alerts import Alerts
from jobs.lake.errors import ServiceError, UsageError
from jobs.lake.postgres import Connection
from tests.stack import Stack, call


@pytest.fixture
def dag() -> str:
    """A DAG of this test alone."""
    return f"daily_{uuid.uuid4().hex[:8]}"


def note(dag: str, run: str, state: str, *options: str) -> None:
    code, _, err = call("dag-run", "--dag", dag, "--run", run, "--state", state, *options)
    assert code == 0, err


def opened(stack: Stack, dag: str) -> list[tuple[str, str, str]]:
    with closing(Alerts(stack.settings)) as alerts:
        return [
            (one.name, one.subject, one.found) for one in alerts.are_open() if one.subject.startswith(dag)
        ]


def shown(dag: str) -> list[tuple[Any, ...]]:
    _, out, err = call("status", "--json")
    assert out, err
    runs = [run for run in json.loads(out)["dag_runs"] if run["dag_id"] == dag]
    return [(run["session"], run["run_id"], run["state"], run["is_late"]) for run in runs]


def step(stack: Stack, monkeypatch: pytest.MonkeyPatch, dag: str, run: str, session: str) -> str:
    """Do a step of a DAG's run; the id of the step's own run."""
    told = {
        "AIRFLOW_CTX_DAG_ID": dag,
        "AIRFLOW_CTX_DAG_RUN_ID": run,
        "AIRFLOW_CTX_TASK_ID": "load_history",
        "AIRFLOW_CTX_TRY_NUMBER": "2",
        "TAPEHOUSE_SESSION": session,
    }
    with monkeypatch.context() as patch, closing(stack.ledger()) as ledger:
        for name, value in told.items():
            patch.setenv(name, value)
        with ledger.run("a step"):
            pass
        return ledger.run_id


def test_a_step_names_the_dags_run_that_it_is_of(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, dag: str
) -> None:
    run_id = step(stack, monkeypatch, dag, "scheduled__1", "2026-11-24")
    with closing(Connection(stack.settings)) as connection:
        ((details,),) = connection.execute("SELECT details FROM runs WHERE run_id = %s", (run_id,))
    assert details["airflow"] == {
        "dag_id": dag,
        "run_id": "scheduled__1",
        "session": "2026-11-24",
        "task_id": "load_history",
        "try_number": "2",
    }
    assert shown(dag) == [("2026-11-24", "scheduled__1", "running", False)]
    note(dag, "scheduled__1", "failed", "--session", "2026-11-24", "--reason", "build_daily ended with 42")
    assert shown(dag) == [("2026-11-24", "scheduled__1", "failed", False)]
    # cleared, it runs again
    step(stack, monkeypatch, dag, "scheduled__1", "2026-11-24")
    assert shown(dag) == [("2026-11-24", "scheduled__1", "running", False)]
    note(dag, "scheduled__1", "success", "--session", "2026-11-24")
    assert shown(dag) == [("2026-11-24", "scheduled__1", "success", False)]
    with pytest.raises(UsageError, match="no session"):
        step(stack, monkeypatch, dag, "scheduled__2", "20261124")


def test_a_run_that_failed_or_is_late_is_an_alert_until_one_of_its_session_ends_well(
    stack: Stack, dag: str
) -> None:
    of = ("--session", "2026-11-24")
    note(dag, "a", "late", *of, "--reason", "still in load_history")
    note(dag, "a", "failed", *of, "--reason", "load_history ended with 1")
    note(dag, "other", "failed", "--session", "2026-11-25")
    assert sorted(opened(stack, dag)) == [
        ("dag_run_failed", f"{dag} 2026-11-24", "run a: load_history ended with 1"),
        ("dag_run_failed", f"{dag} 2026-11-25", "run other: no reason was given"),
        ("dag_run_late", f"{dag} 2026-11-24", "run a: still in load_history"),
    ]
    code, out, _ = call("status")
    assert (code, f"dag {dag} 2026-11-24: failed, late, started 20" in out) == (1, True)
    assert call("status", "--freshness")[0] == 0
    note(dag, "b", "success", *of)
    note(dag, "other", "success", "--session", "2026-11-25")
    assert opened(stack, dag) == []
    # what was done before its deadline was noticed needs nobody
    note(dag, "b", "late", *of)
    assert opened(stack, dag) == []
    assert shown(dag) == [("2026-11-25", "other", "success", False), ("2026-11-24", "b", "success", True)]


def test_a_failure_that_is_told_again_opens_nothing_that_a_later_run_has_closed(
    stack: Stack, dag: str
) -> None:
    of = ("--session", "2026-11-24")
    note(dag, "a", "failed", *of)
    note(dag, "b", "success", *of)
    note(dag, "a", "failed", *of, "--reason", "at its deadline")
    assert opened(stack, dag) == []


def test_a_failure_whose_first_telling_was_lost_opens_nothing_after_a_good_run(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, dag: str
) -> None:
    of = ("--session", "2026-11-24")
    step(stack, monkeypatch, dag, "a", "2026-11-24")
    note(dag, "b", "success", *of)
    note(dag, "a", "failed", *of, "--reason", "at its deadline")
    assert opened(stack, dag) == []
    # cleared, and failed after the good one
    step(stack, monkeypatch, dag, "a", "2026-11-24")
    note(dag, "a", "failed", *of)
    assert [alert[:2] for alert in opened(stack, dag)] == [("dag_run_failed", f"{dag} 2026-11-24")]
    note(dag, "c", "success", *of)


def test_a_failure_that_could_not_be_told_whole_is_told_whole_the_next_time(
    stack: Stack, dag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ServiceError("the ledger does not answer", found="nothing", remedy="start it")

    with monkeypatch.context() as patched:
        patched.setattr(Alerts, "open", away)
        assert call("dag-run", "--dag", dag, "--run", "a", "--state", "failed")[0] != 0
    note(dag, "a", "failed")
    assert [alert[:2] for alert in opened(stack, dag)] == [("dag_run_failed", dag)]
    note(dag, "b", "success")


def test_a_good_run_of_a_session_closes_the_alert_of_one_without_a_session(stack: Stack, dag: str) -> None:
    note(dag, "by hand", "failed")
    note(dag, "a", "success", "--session", "2026-11-24")
    assert opened(stack, dag) == []


def test_a_dag_without_sessions_shows_its_last_run_and_the_next_good_one_closes_its_alert(
    stack: Stack, dag: str
) -> None:
    note(dag, "a", "failed", "--session", "None")
    assert [alert[:2] for alert in opened(stack, dag)] == [("dag_run_failed", dag)]
    note(dag, "b", "success")
    assert opened(stack, dag) == []
    assert shown(dag) == [(None, "b", "success", False)]


@pytest.mark.usefixtures("stack")
def test_status_shows_the_newest_sessions_of_a_dag(dag: str) -> None:
    for day in range(16, 24):
        note(dag, f"run {day}", "success", "--session", f"2026-11-{day}")
    assert [one[0] for one in shown(dag)] == [f"2026-11-{day}" for day in (23, 22, 21, 20, 19)]


@pytest.mark.parametrize("session", ["2026-11-31", "24.11.2026", "20261124", "today"])
def test_a_session_that_is_no_iso_date_is_refused(session: str, dag: str) -> None:
    code, _, err = call("dag-run", "--dag", dag, "--run", "a", "--session", session, "--state", "failed")
    assert (code, f"found: {session!r}" in err, "remedy: write the session's date" in err) == (2, True, True)
