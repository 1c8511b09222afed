"""`daily_close` on a standalone master of Spark: nothing else is changed than the connection."""

import json
import os
import sys
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tapehouse.paths import VENV
from tests.airflow_api import wait_until
from tests.faults.airflow import HALF_DAY, SESSIONS, must_be_one_pass, must_be_reconciled, orchestra
from tests.faults.fault import Options
from tests.faults.lake import Lake

MASTER_PORT, MASTER_UI, WORKER_PORT, WORKER_UI = PORTS = (
    "spark_master",
    "spark_master_ui",
    "spark_worker",
    "spark_worker_ui",
)
READY_WITHIN = 90.0
# the steps that have something to do after the first session of a lake without a stream
STEPS = ("load_history", "build_daily", "adjust_prices", "compute_indicators", "reconcile_sources")


def on_a_standalone_master(lake: Lake, options: Options) -> None:
    """A half day to a reconciled warehouse, and each step of Spark was an application of the master."""
    del options
    with standalone(lake) as (master, ui), orchestra(lake, SESSIONS) as airflow:
        airflow.api.name_spark(master)
        airflow.must_be_green(airflow.close(HALF_DAY))
        must_be_reconciled(lake)
        ended = {(app["name"], app["state"]) for app in _state(ui)["completedapps"]}
        print(f"  applications of {master}: {sorted(ended)}", file=sys.stderr)
        missing = {(step, "FINISHED") for step in STEPS} - ended
        assert not missing, f"not run by {master}: {missing}; these were: {ended}"
        # the vendors were asked for the sessions before it too, and so these are worked out
        must_be_one_pass(lake, SESSIONS[: SESSIONS.index(HALF_DAY) + 1])


@contextmanager
def standalone(lake: Lake) -> Generator[tuple[str, str], None, None]:
    """A master and one worker, for the length of a block: where it takes applications, and its page."""
    place = lake.instance.reserve(PORTS)
    ports = {name: str(place.ports[name]) for name in PORTS}
    master, ui = f"spark://127.0.0.1:{ports[MASTER_PORT]}", f"http://127.0.0.1:{ports[MASTER_UI]}"
    # what docs/airflow.md asks of a worker: the checkout, its Python, and its jars
    environment = {
        **os.environ,
        **lake.instance.environment(),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    of_master = ["--port", ports[MASTER_PORT], "--webui-port", ports[MASTER_UI]]
    of_worker = ["--port", ports[WORKER_PORT], "--webui-port", ports[WORKER_UI], "--cores", "2"]
    of_worker += ["--memory", "2g", "--work-dir", str(lake.folder / "work"), master]
    started = []
    try:
        for name, program, arguments in (
            ("spark-master", "master.Master", of_master),
            ("spark-worker", "worker.Worker", of_worker),
        ):
            command = [str(VENV / "bin" / "spark-class"), f"org.apache.spark.deploy.{program}"]
            command += ["--host", "127.0.0.1", *arguments]
            lake.instance.start_job(name, command, environment=environment, ends_together=True)
            started.append(name)
        wait_until(lambda: _has_worker(ui), what="the master has a worker", seconds=READY_WITHIN)
        yield master, ui
    finally:
        for name in reversed(started):
            lake.instance.stop_job(name)


def _has_worker(ui: str) -> bool:
    try:
        return [worker["state"] for worker in _state(ui)["workers"]] == ["ALIVE"]
    except OSError:
        return False


def _state(ui: str) -> dict[str, Any]:
    """What the master says of its workers and applications."""
    with urllib.request.urlopen(f"{ui}/json/", timeout=10) as answer:
        return dict(json.load(answer))
