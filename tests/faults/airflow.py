"""`daily_close` by a real Airflow: from nothing to a reconciled warehouse, a run a session."""

import json
import sys
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError

from jobs.lake.history import find_table
from jobs.lake.history_tables import HISTORY_TABLES
from jobs.lake.settings import Settings
from tapehouse.services.airflow import Airflow
from tests.airflow_api import ENDED, Api, wait_until
from tests.faults.airflow_eyes import (
    know_secrets,
    look_at_processes,
    nothing_is_seen,
    others_can_not_come_in,
)
from tests.faults.airflow_vendors import INSTRUMENTS, KEY, alpha_vantage_of, yahoo_of
from tests.faults.batches import compare
from tests.faults.fault import Options
from tests.faults.lake import Lake
from tests.vendors.alpha_vantage import AlphaVantageServer
from tests.vendors.yahoo_http import YahooServer

DAG = "daily_close"
# around Thanksgiving, after which the exchange closes at 13:00
SESSIONS = ("2025-11-24", "2025-11-25", "2025-11-26", "2025-11-28", "2025-12-01")
HOLIDAY, HALF_DAY = "2025-11-27", "2025-11-28"
REPEATED = ("2025-11-26", HALF_DAY, "2025-12-01")
# the vendors tell of no split and no dividend, leave out nothing and agree
NOT_TOLD = ("silver.actions", "gold.actions", "gold.gaps", "gold.discrepancies")
RUN_WITHIN, FIRST_RUN_WITHIN = 1500.0, 300.0
SCHEDULED = "scheduled"
GREEN = ("success", "skipped")


class Orchestra(NamedTuple):
    """An Airflow that works on a lake of its own, and its vendors."""

    lake: Lake
    airflow: Airflow
    api: Api
    vendors: tuple[YahooServer, AlphaVantageServer]

    def close(self, session: str) -> str:
        """The run of a session, to its end; its id."""
        run_id = self.api.trigger(DAG, session)
        self.wait_for(run_id)
        return run_id

    def wait_for(self, run_id: str, *, seconds: float = RUN_WITHIN) -> None:
        """Look meanwhile at command lines, and at where its programs and the drivers of its steps listen."""
        wait_until(
            lambda: self._look() or self.state(run_id) in ENDED, what=f"{run_id} ended", seconds=seconds
        )

    def _look(self) -> None:
        look_at_processes()
        others_can_not_come_in([one.pid for one in self.lake.instance.programs() if one.pid])

    def must_be_green(self, run_id: str) -> None:
        """And say how long each task took."""
        tasks = self.api.tasks(DAG, run_id)
        told = ", ".join(f"{task.name} {task.seconds:.0f} s" for task in tasks)
        print(f"  {run_id}: {told}", file=sys.stderr)
        state = self.state(run_id)
        bad = [task for task in tasks if task.state not in GREEN]
        logs = [self.api.log(DAG, run_id, task.name, attempt=task.tries)[-3000:] for task in bad[:1]]
        assert state == "success", f"{run_id} is {state}: {bad}: {logs}"

    def state(self, run_id: str) -> str:
        return str(self.api.run(DAG, run_id)["state"])

    def runs(self) -> list[dict[str, Any]]:
        """Those that were asked for here, the oldest first."""
        return [run for run in self.api.runs(DAG) if run["run_type"] != SCHEDULED]

    def asked(self) -> int:
        """How many questions the vendors were asked."""
        return sum(len(vendor.asked) for vendor in self.vendors)

    def has_died(self) -> bool:
        """Whether a process of Airflow is gone."""
        return any(one.state == "died" for one in self.lake.instance.programs())


@contextmanager
def orchestra(lake: Lake, sessions: tuple[str, ...], *, spoilt: str = "") -> Generator[Orchestra, None, None]:
    """Vendors that tell of these sessions, nonsense of one, and Airflow with one DAG that has nothing to do yet."""
    with yahoo_of(sessions, spoilt) as yahoo, alpha_vantage_of(sessions, spoilt) as alpha_vantage:
        instruments = lake.folder / "instruments.yaml"
        instruments.write_text(INSTRUMENTS.replace("FIRST", sessions[0]))
        lake.environment |= {
            "TAPEHOUSE_INSTRUMENTS": str(instruments),
            "TAPEHOUSE_RAW_URL": f"s3://raw/{uuid.uuid4().hex}",
            "TAPEHOUSE_YAHOO_URL": yahoo.url,
            "TAPEHOUSE_ALPHA_VANTAGE_URL": alpha_vantage.url,
            "ALPHAVANTAGE_API_KEY": KEY,
        }
        airflow = Airflow(lake.instance, Settings(**lake.environment), more=_only_this_dag(lake.folder))
        try:
            running = airflow.start(lambda line: print(f"  {line}", file=sys.stderr))
            password = json.loads(Path(running.password_file).read_text())[running.user]
            api = Api(running, password)
            _end_scheduled_run(api)
            yield Orchestra(lake, airflow, api, (yahoo, alpha_vantage))
        finally:
            airflow.stop()


def one_session(lake: Lake, options: Options) -> None:
    """A half day, from nothing to a reconciled warehouse; nobody outside sees a secret or comes in."""
    del options
    with orchestra(lake, SESSIONS) as airflow:
        place = lake.instance.reserve()
        know_secrets(dict(place.secrets), KEY)
        run_id = airflow.close(HALF_DAY)
        airflow.must_be_green(run_id)
        must_be_reconciled(lake)
        logs = [Path(one.log) for one in lake.instance.programs()]
        nothing_is_seen(airflow.api, DAG, run_id, airflow.airflow.home, logs)


def five_sessions(lake: Lake, options: Options) -> None:
    """Airflow's own backfill over a holiday: exactly the sessions, in order, and what one pass makes of them.

    Three of them again, a half day among them: nothing is fetched, nothing is written.
    """
    del options
    with orchestra(lake, SESSIONS) as airflow:
        refusal = airflow.api.refused(DAG, HOLIDAY)
        assert "not a" in refusal, f"a run for a holiday was made: {refusal}"
        _backfill(airflow)
        must_be_reconciled(lake)
        must_be_one_pass(lake, SESSIONS)
        before, asked = _versions(lake), airflow.asked()
        for session in REPEATED:
            airflow.must_be_green(airflow.close(session))
        assert _versions(lake) == before, f"a repeated run has written: {before} {_versions(lake)}"
        assert airflow.asked() == asked, "a repeated run has asked a vendor"
        must_be_reconciled(lake)


def _backfill(airflow: Orchestra) -> None:
    days = ["--from-date", SESSIONS[0], "--to-date", SESSIONS[-1]]
    airflow.airflow.call("backfill", "create", "--dag-id", DAG, *days, "--max-active-runs", "1")
    wait_until(
        lambda: [run["state"] in ENDED for run in airflow.runs()] == [True] * len(SESSIONS),
        what=f"{len(SESSIONS)} runs ended",
        seconds=len(SESSIONS) * RUN_WITHIN,
    )
    runs = airflow.runs()
    for run in runs:
        airflow.must_be_green(run["dag_run_id"])
    assert [run["partition_key"] for run in runs] == list(SESSIONS), f"other sessions: {runs}"
    ends = [run["end_date"] for run in runs[:-1]]
    assert all(end <= run["start_date"] for end, run in zip(ends, runs[1:], strict=True)), "they overlap"


def must_be_one_pass(lake: Lake, sessions: Sequence[str]) -> None:
    """Every table of history is what one batch makes of the same objects."""
    one_pass = {"TAPEHOUSE_PROCESSED_URL": f"s3://processed/{lake.folder.name}-one-pass"}
    after = date.fromisoformat(sessions[-1]) + timedelta(1)
    days = ("--from", sessions[0], "--to", str(after))
    batch = lake.tapehouse("batch", *days, environment=one_pass, seconds=RUN_WITHIN)
    assert batch.returncode == 0, f"batch: {batch.stderr[-2000:]}"
    compare(lake, one_pass, may_be_empty=NOT_TOLD)


def _only_this_dag(folder: Path) -> dict[str, str]:
    """The others would start by the clock."""
    from tapehouse.paths import ROOT

    dags = folder / "dags"
    dags.mkdir()
    (dags / f"{DAG}.py").symlink_to(ROOT / "airflow" / "dags" / f"{DAG}.py")
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5",
        "TAPEHOUSE_STREAM_OWNER": "service",
    }


def _end_scheduled_run(api: Api) -> None:
    """That of the newest session which is over: it is there by itself, and not what is shown here."""
    wait_until(lambda: bool(_scheduled(api)), what="the scheduler has made its run", seconds=FIRST_RUN_WITHIN)
    for run in _scheduled(api):
        api.end(DAG, run["dag_run_id"])


def _scheduled(api: Api) -> list[dict[str, Any]]:
    try:
        return [run for run in api.runs(DAG) if run["run_type"] == SCHEDULED]
    except HTTPError as error:
        if error.code == 404:  # the DAG is not read yet
            return []
        raise


def must_be_reconciled(lake: Lake) -> None:
    compared = lake.tapehouse("reconcile")
    assert compared.returncode == 0, f"reconcile: {compared.stdout[-2000:]} {compared.stderr[-1000:]}"
    assert "gold.bars_1d =" in compared.stdout, f"no daily bars in the warehouse: {compared.stdout}"


def _versions(lake: Lake) -> dict[str, int]:
    """The newest version of every table of history."""
    settings = Settings(**lake.environment)
    return {table.name: found.version() for table in HISTORY_TABLES if (found := find_table(table, settings))}
