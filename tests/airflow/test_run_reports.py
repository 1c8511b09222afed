"""What the ledger is told of a run, by a program that may fail."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import run_reports
from conftest import ROOT, SECRETS, program

RUN = {
    "dag_id": "daily_close",
    "dag_run_id": "scheduled__1",
    "partition_key": "2026-11-27",
    "run_type": "scheduled",
    "state": "running",
}
TELL = """
import json, os, sys, time
tries = len(open("{folder}/told").readlines()) if os.path.exists("{folder}/told") else 0
with open("{folder}/told", "a") as told:
    told.write(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]) + "\\n")
code = {codes}[min(tries, len({codes}) - 1)]
time.sleep({seconds})
print("error: PostgreSQL is away", file=sys.stderr)
sys.exit(code)
"""


class Ledger:
    """The program in the place of `python -m tapehouse dag-run`, and what it was called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answers(self, *codes: int, seconds: float = 0) -> None:
        tell = TELL.format(folder=self.folder, codes=list(codes), seconds=seconds)
        (self.folder / "tell.py").write_text(tell)
        program(self.folder / "python", f'exec python3 "{self.folder}/tell.py" "$@"')

    @property
    def told(self) -> list[Any]:
        return [json.loads(line) for line in (self.folder / "told").read_text().splitlines()]


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("TAPEHOUSE_PYTHON", str(tmp_path / "python"))
    monkeypatch.setattr(run_reports, "PAUSE", 0)
    ledger = Ledger(tmp_path)
    ledger.answers(0)
    return ledger


def context(**more: Any) -> Any:
    run = SimpleNamespace(partition_key="2026-11-27")
    return {"dag": SimpleNamespace(dag_id="daily_close"), "run_id": "scheduled__1", "dag_run": run} | more


def test_a_run_that_succeeded_is_told_with_its_session_and_no_secret_in_a_word(ledger: Ledger) -> None:
    run_reports.report_success(context())
    [(words, environment, folder)] = ledger.told
    assert words == [
        *("-m", "tapehouse", "dag-run", "--dag", "daily_close", "--run", "scheduled__1"),
        *("--session", "2026-11-27", "--state", "success"),
    ]
    assert (environment["PGPASSWORD"], environment["PGPORT"]) == (SECRETS["ledger"], "5439")
    assert (environment["PYTHONPATH"], environment["PYTHONSAFEPATH"], folder) == (str(ROOT), "1", str(ROOT))


def test_a_run_that_failed_is_told_with_its_task(ledger: Ledger) -> None:
    ti = SimpleNamespace(task_id="build_daily", try_number=4)
    run_reports.report_failure(context(ti=ti, reason="task_failure"))
    assert ledger.told[0][0][-4:] == ["--state", "failed", "--reason", "build_daily: task_failure, try 4"]


def test_a_run_of_which_only_its_id_is_known_is_told_too(ledger: Ledger) -> None:
    run_reports.report_failure({
        "dag": SimpleNamespace(dag_id="stream_guard"),
        "run_id": "manual__1",
        "reason": "timed_out",
    })
    assert ledger.told[0][0][2:] == [
        *(
            "dag-run",
            "--dag",
            "stream_guard",
            "--run",
            "manual__1",
            "--state",
            "failed",
            "--reason",
            "timed_out",
        )
    ]


def test_a_late_run_is_told_but_not_one_of_a_backfill(ledger: Ledger) -> None:
    asyncio.run(run_reports.report_late(limit="2:00:00", context={"dag_run": RUN | {"run_type": "backfill"}}))
    asyncio.run(run_reports.report_late(limit="2:00:00", context={"dag_run": RUN}))
    assert [words[-6:] for words, *_ in ledger.told] == [
        ["--session", "2026-11-27", "--state", "late", "--reason", "not over 2:00:00 after it was queued"]
    ]


def test_a_run_that_ended_long_before_its_deadline_is_told_once_more(ledger: Ledger) -> None:
    asyncio.run(run_reports.report_late(limit="2:00:00", context={"dag_run": RUN | {"state": "failed"}}))
    assert ledger.told[0][0][-4:] == [
        *("--state", "failed", "--reason", "it had failed 2:00:00 after it was queued")
    ]
    # no callback is called for a run that someone marked by hand, of a backfill too
    asyncio.run(
        run_reports.report_late(
            limit="2:00:00", context={"dag_run": RUN | {"state": "success", "run_type": "backfill"}}
        )
    )
    assert ledger.told[1][0][-2:] == ["--state", "success"]


def test_a_ledger_that_is_away_for_a_moment_is_asked_again(ledger: Ledger) -> None:
    ledger.answers(1, 0)
    run_reports.report_success(context())
    assert len(ledger.told) == 2


def test_a_ledger_that_stays_away_is_an_error_that_says_what_was_not_told(ledger: Ledger) -> None:
    ledger.answers(1)
    with pytest.raises(
        run_reports.LedgerNotToldError, match=r"--run scheduled__1 .* after 3 tries: error: Postgre"
    ):
        run_reports.report_success(context())
    assert len(ledger.told) == 3


def test_a_program_that_hangs_is_ended(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reports, "SECONDS_EACH", 0.2)
    ledger.answers(0, seconds=3)
    with pytest.raises(run_reports.LedgerNotToldError, match=r"it ran for more than 0\.2 s"):
        run_reports.report_success(context())


def test_all_tries_together_end_before_the_dag_processor_ends_them() -> None:
    longest = run_reports.TRIES * run_reports.SECONDS_EACH + (run_reports.TRIES - 1) * run_reports.PAUSE
    assert longest < 45
