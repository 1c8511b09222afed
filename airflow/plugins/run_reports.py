"""What the product's ledger is told of a DAG's runs, by `tapehouse dag-run`: they succeeded, failed or are late.

Airflow calls success and failure in its DAG processor, where a call may take `[dag_processor]
dag_file_processor_timeout` (120 s here): all tries together stay below that. Lateness it calls in its triggerer: a
callback in the executor is refused every connection.
"""

import asyncio
import os
import subprocess
import time
from datetime import timedelta
from typing import Any

import structlog
from airflow.sdk import AsyncCallback, Connection, Context, DeadlineAlert, DeadlineReference
from jinja2.sandbox import SandboxedEnvironment
from surroundings import KAFKA, LEDGER, ROOT, STORE, place, places

TRIES, SECONDS_EACH, PAUSE = 3, 12, 2
NAMED = ("tapehouse_ledger", "tapehouse_store", "tapehouse_kafka")

log = structlog.get_logger(__name__)


class LedgerNotToldError(RuntimeError):
    """The ledger does not know how a DAG's run ended."""


def report_success(context: Context) -> None:
    """Tell the ledger that a run succeeded, which closes its alert."""
    _tell([*_run_of(context), "--state", "success"], _connections())


def report_failure(context: Context) -> None:
    """Tell the ledger which task a run failed by, which opens an alert."""
    task = context.get("ti")
    reason = str(context.get("reason") or "failed")
    if task is not None:
        reason = f"{task.task_id}: {reason}, try {task.try_number}"
    _tell([*_run_of(context), "--state", "failed", "--reason", reason], _connections())


async def report_late(limit: str, context: dict[str, Any]) -> None:
    """Tell the ledger that a run is late, or once more how it ended, should the first time be lost.

    Airflow asks of ended runs too, and calls nothing else for one that someone marked by hand. Runs of a backfill are
    queued all at once, so their deadline says nothing.
    """
    run = context["dag_run"]
    said = _options(run["dag_id"], run["dag_run_id"], run["partition_key"])
    if run["state"] == "success":
        said += ["--state", "success"]
    elif run["state"] == "failed":
        said += ["--state", "failed", "--reason", f"it had failed {limit} after it was queued"]
    elif run["run_type"] == "backfill":
        return
    else:
        said += ["--state", "late", "--reason", f"not over {limit} after it was queued"]
    connections = {name: await Connection.async_get(name) for name in NAMED}
    await asyncio.to_thread(_tell, said, connections)


def deadline(limit: timedelta) -> DeadlineAlert:
    """A run is late if it is not over so long after it was queued."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=limit,
        callback=AsyncCallback(report_late, kwargs={"limit": str(limit)}),
        name=f"over within {limit}",
    )


def _run_of(context: Context) -> list[str]:
    run = context.get("dag_run")
    return _options(context["dag"].dag_id, context["run_id"], run.partition_key if run else None)


def _options(dag_id: str, run_id: str, session: str | None) -> list[str]:
    return ["--dag", dag_id, "--run", run_id, *(["--session", session] if session else [])]


def _connections() -> dict[str, Connection]:
    return {name: Connection.get(name) for name in NAMED}


def _tell(options: list[str], connections: dict[str, Connection]) -> None:
    """Run `tapehouse dag-run` until it succeeds, a few times at most; secrets go by its environment."""
    command = [place("TAPEHOUSE_PYTHON"), "-m", "tapehouse", "dag-run", *options]
    environment = os.environ | places() | _rendered(LEDGER | STORE | KAFKA, connections)
    said = ""
    for attempt in range(1, TRIES + 1):
        try:
            done = subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_EACH
            )
            code, said = str(done.returncode), done.stderr.strip()[-600:]
        except subprocess.TimeoutExpired:
            code, said = "none", f"it ran for more than {SECONDS_EACH} s"
        log.info("ledger_told", run=" ".join(options), attempt=attempt, exit_code=code, said=said)
        if code == "0":
            return
        if attempt < TRIES:
            time.sleep(PAUSE)
    raise LedgerNotToldError(
        f"the ledger was not told of the run: {' '.join(options)}; found after {TRIES} tries: {said}; "
        "remedy: when PostgreSQL answers again, run `tapehouse dag-run` with these options"
    )


def _rendered(templates: dict[str, str], connections: dict[str, Connection]) -> dict[str, str]:
    """The values of templates outside of a task, where Airflow does not render them."""
    jinja = SandboxedEnvironment()
    return {name: jinja.from_string(text).render(conn=connections) for name, text in templates.items()}
