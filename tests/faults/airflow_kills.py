"""`daily_close` while the scheduler, a Spark driver or PostgreSQL is killed, and when a vendor tells nonsense."""

import os
import signal
import time
from contextlib import closing
from pathlib import Path

from jobs.lake.postgres import Connection
from tapehouse.services.airflow import PREFIX
from tests.airflow_api import ENDED, wait_until
from tests.faults.airflow import DAG, RUN_WITHIN, Orchestra, must_be_one_pass, must_be_reconciled, orchestra
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake
from tests.faults.services import kill_and_start, tree

SESSIONS = ("2025-10-06", "2025-10-07", "2025-10-08", "2025-10-09", "2025-10-10")
# a step of Spark for each of those who are killed while it works
KILLED = {"scheduler": "adjust_prices", "spark driver": "build_daily", "postgres": "compute_indicators"}
DEAD_SECONDS, LOOK_EVERY = 3.0, 10.0
RULE = "price_negative"


def killed(lake: Lake, options: Options) -> None:
    """Started again, each run ends well by itself, and the tables are those of one undisturbed pass."""
    chance = options.chance()
    with orchestra(lake, SESSIONS) as airflow:
        for session, (target, task) in zip(SESSIONS, KILLED.items(), strict=False):
            run_id = airflow.api.trigger(DAG, session)
            _wait_for_spark(airflow, run_id, task)
            time.sleep(chance.uniform(1, 8))
            assert _tried(airflow, run_id, task) == ("running", 1), f"{task} was over too early"
            lake.meet(Fault(target, "kill -9", f"while {task} runs"))
            _kill(airflow, target, task)
            _wait_beside_a_keeper(airflow, run_id)
            airflow.must_be_green(run_id)
            tries = _tried(airflow, run_id, task)[1]
            assert tries > 1 or target == "postgres", f"{task} was not disturbed: {tries} try"
        must_be_reconciled(lake)
        _nothing_runs(airflow)
        must_be_one_pass(lake, SESSIONS[: len(KILLED)])


def bad_data(lake: Lake, options: Options) -> None:
    """The first session's prices are below zero: its run fails at once with the reason, and the next one goes on."""
    del options
    bad, good = SESSIONS[:2]
    with orchestra(lake, SESSIONS, spoilt=bad) as airflow:
        lake.meet(Fault("the vendor", "prices below zero", f"for {bad}"))
        failed = airflow.close(bad)
        assert airflow.state(failed) == "failed", f"the run of {bad} is {airflow.state(failed)}"
        tasks = {task.name: task for task in airflow.api.tasks(DAG, failed)}
        load = tasks["load_history"]
        assert (load.state, load.tries) == ("failed", 1), f"load_history: {load}"
        log = airflow.api.log(DAG, failed, "load_history")
        assert "found exit code 42" in log, f"no exit code in the log: {log[-2000:]}"
        assert RULE in log, f"no reason in the log: {log[-2000:]}"
        airflow.must_be_green(airflow.close(good))
        told = lake.tapehouse("status", "--json").stdout
        assert f"{DAG} {bad}" in told, f"no alert of {bad}: {told[-2000:]}"
        assert f"{DAG} {good}" not in told.partition('"alerts"')[2].partition("]")[0]


def _wait_for_spark(airflow: Orchestra, run_id: str, task: str) -> None:
    wait_until(
        lambda: bool(_spark(airflow, task)) or airflow.state(run_id) in ENDED,
        what=f"{task} runs",
        seconds=RUN_WITHIN,
    )


def _tried(airflow: Orchestra, run_id: str, name: str) -> tuple[str, int]:
    """State and tries of a task."""
    return next((one.state, one.tries) for one in airflow.api.tasks(DAG, run_id) if one.name == name)


def _kill(airflow: Orchestra, target: str, task: str) -> None:
    if target == "postgres":
        kill_and_start(airflow.lake.instance, target, dead_seconds=DEAD_SECONDS)
        return
    pids = [_scheduler(airflow)] if target == "scheduler" else _spark(airflow, task)
    assert pids, f"nothing of {target} runs"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _wait_beside_a_keeper(airflow: Orchestra, run_id: str) -> None:
    """As a service manager does: what has died is started again, by `make airflow`."""
    deadline = time.monotonic() + RUN_WITHIN
    while airflow.state(run_id) not in ENDED:
        assert time.monotonic() < deadline, f"{run_id} has not ended: {airflow.api.tasks(DAG, run_id)}"
        if airflow.has_died():
            airflow.airflow.start()
        time.sleep(LOOK_EVERY)


def _nothing_runs(airflow: Orchestra) -> None:
    """Neither in Airflow nor in the ledger is a run for ever running."""
    states = {run["state"] for run in airflow.api.runs(DAG)}
    assert states <= set(ENDED), f"runs of Airflow: {states}"
    with closing(Connection(airflow.lake.settings, read_only=True)) as ledger:
        rows = ledger.execute(
            "SELECT run_id FROM dag_runs WHERE state = 'running' AND session::text = ANY (%s)",
            (list(SESSIONS),),
        )
        jobs = ledger.execute("SELECT job, started_at FROM runs WHERE state = 'running'")
    assert not rows, f"running in the ledger: {rows}"
    assert not jobs, f"jobs running in the ledger: {jobs}"


def _scheduler(airflow: Orchestra) -> int:
    (pid,) = [one.pid for one in airflow.lake.instance.programs() if one.name == f"{PREFIX}scheduler"]
    assert pid is not None, "the scheduler does not run"
    return pid


def _spark(airflow: Orchestra, task: str) -> list[int]:
    """The JVM and the Python of a task's Spark."""
    wanted = f"jobs/{task}.py".encode()
    found = []
    for pid in tree(_scheduler(airflow)):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if wanted in line and b"airflow-env" not in line:
            found.append(pid)
    return found
