"""Airflow's REST API, as far as a proof needs it: runs by session, their tasks, and logs."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tapehouse.services.airflow import Running

ENDED = ("success", "failed")
ANSWERS_WITHIN, LOOK_EVERY = 90.0, 3.0


class Task(NamedTuple):
    """A task of a run; `seconds` of its last try."""

    name: str
    state: str
    tries: int
    seconds: float
    started: datetime | None


class Api:
    """Asks as the user of the UI; one that does not answer for a moment is asked again."""

    def __init__(self, running: Running, password: str) -> None:
        self._url, self._account = running.url, {"username": running.user, "password": password}
        self._token = ""

    def trigger(self, dag: str, session: str | None) -> str:
        """A run of a DAG, for a session; its id."""
        asked = {"logical_date": None, "partition_key": session}
        return str(self.ask("POST", f"/dags/{dag}/dagRuns", asked)["dag_run_id"])

    def refused(self, dag: str, session: str) -> str:
        """Why a run is not made; empty if it is."""
        try:
            self.trigger(dag, session)
        except urllib.error.HTTPError as error:
            return error.read().decode()
        return ""

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """Those of a DAG, the oldest first."""
        runs = self.ask("GET", f"/dags/{dag}/dagRuns?{urlencode({'limit': 100})}")["dag_runs"]
        return sorted(runs, key=lambda run: str(run["start_date"] or run["queued_at"]))

    def run(self, dag: str, run_id: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"/dags/{dag}/dagRuns/{quote(run_id)}"))

    def end(self, dag: str, run_id: str) -> None:
        """End a run as if it had succeeded."""
        self.ask("PATCH", f"/dags/{dag}/dagRuns/{quote(run_id)}", {"state": "success"})

    def name_spark(self, master: str) -> None:
        """Let the connection of Spark name another master, as one does in the UI."""
        connection = self.ask("GET", "/connections/spark_default")
        self.ask("PATCH", "/connections/spark_default?update_mask=host", connection | {"host": master})

    def tasks(self, dag: str, run_id: str) -> list[Task]:
        """In the order in which they were started."""
        found = self.ask("GET", f"/dags/{dag}/dagRuns/{quote(run_id)}/taskInstances?limit=100")
        tasks = [_task(each) for each in found["task_instances"]]
        return sorted(tasks, key=lambda task: (task.started is None, str(task.started)))

    def log(self, dag: str, run_id: str, task: str, *, attempt: int = 1) -> str:
        """What a try printed, and what Airflow said beside it."""
        path = f"/dags/{dag}/dagRuns/{quote(run_id)}/taskInstances/{task}/logs/{attempt}?full_content=true"
        return "\n".join(str(line) for line in self.ask("GET", path)["content"])

    def ask(self, method: str, path: str, body: Any = None, *, patience: float = ANSWERS_WITHIN) -> Any:
        deadline = time.monotonic() + patience
        while True:
            try:
                if not self._token:
                    self._token = self._send("POST", "/auth/token", self._account)["access_token"]
                return self._send(method, f"/api/v2{path}", body)
            except urllib.error.HTTPError as error:
                if error.code < 500 and error.code != 401:
                    raise
                self._token, problem = "", error
            except OSError as error:
                problem = error
            if time.monotonic() > deadline:
                raise problem
            time.sleep(1)

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else {}


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(LOOK_EVERY)


def _task(told: dict[str, Any]) -> Task:
    started = datetime.fromisoformat(told["start_date"]) if told["start_date"] else None
    return Task(told["task_id"], told["state"] or "none", told["try_number"], told["duration"] or 0, started)
