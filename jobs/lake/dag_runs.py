"""Runs of Airflow's DAGs, as the ledger knows them: who runs a program, and what became of the DAG's run."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from jobs.lake.errors import UsageError

NO_SESSION = ("", "None")  # as a template renders what is not there
KEPT = 100  # runs of a DAG that is not of a session


class Caller(NamedTuple):
    """The run of a DAG that a program is a step of, and which step."""

    dag_id: str
    run_id: str
    session: date | None
    task_id: str
    try_number: str

    def as_json(self) -> dict[str, Any]:
        return self._asdict() | {"session": self.session and str(self.session)}


def find_caller(environment: Mapping[str, str]) -> Caller | None:
    """What Airflow's environment says, None where another one started the program."""
    dag_id, run_id = environment.get("AIRFLOW_CTX_DAG_ID"), environment.get("AIRFLOW_CTX_DAG_RUN_ID")
    if not dag_id or not run_id:
        return None
    return Caller(
        dag_id,
        run_id,
        session_of(environment.get("TAPEHOUSE_SESSION", "")),
        environment.get("AIRFLOW_CTX_TASK_ID", ""),
        environment.get("AIRFLOW_CTX_TRY_NUMBER", ""),
    )


def session_of(text: str) -> date | None:
    """The session that a DAG run's key names, None for a DAG without one."""
    if text in NO_SESSION:
        return None
    try:
        session = date.fromisoformat(text)
    except ValueError:
        session = None
    if session is None or str(session) != text:
        raise UsageError(
            "the key of a DAG's run is no session",
            found=repr(text),
            remedy="write the session's date as 2026-11-24",
        )
    return session


class DagRuns:
    """The rows; `do` runs a statement."""

    def __init__(self, do: Callable[..., list[tuple[Any, ...]]]) -> None:
        self._do = do

    def run(self, caller: Caller) -> None:
        """Note that it runs, again where it had ended."""
        self._do(
            """INSERT INTO dag_runs (dag_id, run_id, session, state) VALUES (%s, %s, %s, 'running')
            ON CONFLICT (dag_id, run_id) DO UPDATE SET state = 'running', reason = NULL, ended_at = NULL
            WHERE dag_runs.state <> 'running'""",
            caller[:3],
        )

    def state(self, dag_id: str, run_id: str) -> str:
        """What is known of it, "" if nothing is."""
        rows = self._do("SELECT state FROM dag_runs WHERE dag_id = %s AND run_id = %s", (dag_id, run_id))
        return str(rows[0][0]) if rows else ""

    def is_made_up_for(self, dag_id: str, run_id: str, session: date | None) -> bool:
        """Whether another run of the same session has ended well since this one's last step."""
        return bool(
            self._do(
                """SELECT 1 FROM dag_runs WHERE dag_id = %s AND run_id <> %s AND session IS NOT DISTINCT FROM %s
                AND state = 'success' AND ended_at > (
                    SELECT max(coalesce(ended_at, started_at)) FROM runs
                    WHERE details @> jsonb_build_object('airflow', jsonb_build_object('dag_id', %s, 'run_id', %s)))
                LIMIT 1""",
                (dag_id, run_id, session, dag_id, run_id),
            )
        )

    def end(self, dag_id: str, run_id: str, session: date | None, *, state: str, reason: str | None) -> None:
        """Note how it ended. Of a DAG without sessions only the newest runs are kept."""
        self._do(
            """INSERT INTO dag_runs (dag_id, run_id, session, state, reason, ended_at)
            VALUES (%s, %s, %s, %s, %s, now()) ON CONFLICT (dag_id, run_id)
            DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason, ended_at = now()""",
            (dag_id, run_id, session, state, reason),
        )
        self._do(
            """DELETE FROM dag_runs WHERE dag_id = %s AND session IS NULL AND state <> 'running' AND run_id NOT IN (
            SELECT run_id FROM dag_runs WHERE dag_id = %s AND session IS NULL ORDER BY started_at DESC LIMIT %s)""",
            (dag_id, dag_id, KEPT),
        )

    def mark_late(self, dag_id: str, run_id: str, session: date | None, *, reason: str | None) -> bool:
        """Note that it has missed its deadline; whether it is not done even now."""
        ((state,),) = self._do(
            """INSERT INTO dag_runs (dag_id, run_id, session, state, is_late, reason)
            VALUES (%s, %s, %s, 'running', true, %s) ON CONFLICT (dag_id, run_id)
            DO UPDATE SET is_late = true, reason = coalesce(dag_runs.reason, EXCLUDED.reason) RETURNING state""",
            (dag_id, run_id, session, reason),
        )
        return bool(state != "success")
