"""Options of the batch jobs: which sessions, how long they wait, and what nothing to work on means."""

import contextlib
import io
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import structlog

from jobs import build_daily, check_completeness, check_parity, load_history, publish_reference
from jobs.lake.arguments import chosen_sessions, session_range
from jobs.lake.errors import NoDataError, UsageError
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.program import run_program
from jobs.lake.settings import read_settings
from tapehouse.paths import ROOT, VENV
from tests.processes import Program
from tests.stack import Stack

ABOUT = "a program\n\nIt does something."


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A program tells all logs of its process where to go."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def said(program: Callable[[], int]) -> tuple[int, str]:
    """Exit code and errors."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        return program(), err.getvalue()


def chosen(*options: str) -> tuple[date, date]:
    return chosen_sessions(session_range(list(options), program="a program", about=ABOUT))


def test_a_session_is_a_range_of_one_day() -> None:
    one = chosen("--session", "2026-11-24")
    assert (
        one
        == chosen("--from", "2026-11-24", "--to", "2026-11-25")
        == (date(2026, 11, 24), date(2026, 11, 25))
    )


def test_the_days_before_a_session_are_gone_through_too() -> None:
    several = chosen("--session", "2026-11-24", "--days-before", "9")
    assert several == (date(2026, 11, 15), date(2026, 11, 25))


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], "found: none"),
        (["--from", "2026-11-24"], "found: --from 2026-11-24"),
        (["--session", "2026-11-24", "--to", "2026-11-25"], "found: --session 2026-11-24 --to 2026-11-25"),
        (["--from", "2026-11-25", "--to", "2026-11-25"], "holds no day"),
    ],
)
def test_a_range_is_said_in_one_of_two_ways(options: list[str], found: str) -> None:
    with pytest.raises(UsageError, match=found):
        chosen(*options)


def test_nothing_to_work_on_is_an_error_or_if_it_may_be_a_line() -> None:
    def nothing() -> int:
        raise NoDataError("there is no bar", found="an empty table", remedy="load some")

    code, err = said(lambda: run_program(nothing, debug=False))
    assert (code, err.splitlines()[0]) == (2, "error: there is no bar")
    code, err = said(lambda: run_program(nothing, debug=False, allow_empty=True))
    assert (code, err) == (0, "nothing to do: there is no bar (an empty table)\n")


@pytest.mark.parametrize(
    ("main", "group"),
    [(publish_reference.main, "publish_reference"), (load_history.main, "load_history")],
)
def test_a_job_waits_for_another_program_as_long_as_it_is_told(
    stack: Stack, main: Callable[[list[str]], int], group: str
) -> None:
    ledger = Ledger(stack.settings)
    with closing(Lease(stack.settings, group, run_id=ledger.run_id)) as lease:
        lease.acquire()
        code, err = said(lambda: main(["--wait", "1"]))
    ledger.close()
    assert (code, "are written by another driver" in err) == (1, True)


@pytest.mark.parametrize("job", [build_daily, check_completeness, check_parity])
def test_jobs_take_a_session_and_refuse_what_is_no_day(job: object) -> None:
    code, err = said(lambda: job.main([]))  # type: ignore[attr-defined]
    assert (code, "remedy: give --session DAY" in err) == (2, True)


@pytest.mark.long
def test_a_job_of_a_session_ends_well_on_an_empty_lake_if_it_may(stack: Stack, tmp_path: Path) -> None:
    command = [VENV / "bin" / "spark-submit", ROOT / "jobs" / "check_parity.py", "--session", "2020-11-25"]
    for options, code, said_last in (([], 2, "remedy: "), (["--allow-empty"], 0, "nothing to do: ")):
        job = Program([*command, *options], log=tmp_path / "log", environment=stack.environment)
        assert job.ended(seconds=240) == code, job.last_words
        assert any(line.startswith(said_last) for line in job.output.splitlines()), job.last_words


def test_a_setting_without_a_value_is_not_set(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    del stack  # its environment is what is read
    for name in ("ALPHAVANTAGE_API_KEY", "WAREHOUSE", "SNOWFLAKE_PORT", "PGPORT_FILE", "TAPEHOUSE_YAHOO_URL"):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(str(tmp_path))
    with open(".env", "w") as file:
        file.write("SNOWFLAKE_USER=\nSNOWFLAKE_ROLE=\nTAPEHOUSE_STREAM_OWNER=\nSNOWFLAKE_ACCOUNT=mine\n")
    found = read_settings()
    assert (found.alpha_vantage_key, found.warehouse, found.snowflake_port) == (None, "duckdb", None)
    assert (found.yahoo_url, found.snowflake_user, found.snowflake_role) == (None, None, "TAPEHOUSE_LOADER")
    assert (found.snowflake_account, found.stream_owner) == ("mine", "service")
    empty = tmp_path / "key"  # type: ignore[operator]
    empty.write_text("\n")
    monkeypatch.setenv("ALPHAVANTAGE_API_KEY_FILE", str(empty))
    assert read_settings().alpha_vantage_key is None
