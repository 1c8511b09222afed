"""Each box says in a word how it is: a closed market is not late, and what cannot be looked at is unknown."""

import os
import socket
import subprocess
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tapehouse.exchange_hours import recent_sessions
from tapehouse.judgement import Job, TableLine, due_session, judge_tables
from tapehouse.ledger import Run, state_of
from tapehouse.web import boxes
from tapehouse.web.box import Box
from tapehouse.web.looks import Beat, JobSeen, Operations
from tapehouse.web.watch import Watch

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
NOTHING = Operations([], [], [], [], [])
RUNNING, LIVE = Job("running"), {("yahoo", "XNAS")}


def run(
    state: str = "running", *, unrenewed: float = 1.0, ready: bool = True, error: str | None = None
) -> Run:
    return Run("id", state, NOW, ready, error, unrenewed)


def table(age: timedelta, *, live_and_open: list[str], is_closed: bool = False) -> Box:
    lines = [TableLine("gold.bars_1m", 5, NOW - age, "9 min", 3, "ok")]
    judge_tables(lines, at=NOW, job=RUNNING, live_and_open=live_and_open)
    return boxes.tables_box("stream_tables", "Tables", lines, is_closed=is_closed)


def test_a_table_is_late_beyond_five_minutes_while_a_live_source_should_send() -> None:
    assert table(timedelta(minutes=5), live_and_open=["yahoo"]).state == "ok"
    assert table(timedelta(minutes=5, seconds=1), live_and_open=["yahoo"]).state == "late"


def test_a_table_of_a_closed_market_is_closed_and_not_late() -> None:
    assert table(timedelta(days=2), live_and_open=[], is_closed=True).state == "closed"


def test_a_table_of_a_tape_is_never_late() -> None:
    assert table(timedelta(days=900), live_and_open=[]).state == "ok"


def test_a_table_says_how_old_it_may_be() -> None:
    (line,) = table(timedelta(), live_and_open=[]).lines
    assert (line.promise, line.at, line.text) == ("5 min", NOW.timestamp(), "5 rows, version 3")


@pytest.mark.parametrize(
    ("at", "closed", "due"),
    [
        ("2026-11-26T03:29Z", "2026-11-23", "2026-11-24"),
        ("2026-11-26T03:30Z", "2026-11-24", "2026-11-25"),
        # a holiday, and a half day
        ("2026-11-27T20:00Z", "2026-11-24", "2026-11-25"),
        ("2026-11-28T00:30Z", "2026-11-25", "2026-11-27"),
        # ten days before, eleven days before, and nothing but itself
        ("2026-11-28T00:30Z", "2026-11-17", "2026-11-27"),
        ("2026-11-28T00:30Z", "2026-11-16", None),
        ("2026-11-28T00:30Z", "2026-11-27", None),
    ],
)
def test_a_session_is_due_by_the_calendar_once_daily_close_ran_for_another_one(
    at: str, closed: str, due: str | None
) -> None:
    now, followed = datetime.fromisoformat(at), [(date(2020, 1, 1), date.max)]
    sessions = recent_sessions("XNYS", now)
    found = due_session(sessions, followed=followed, closed=[date.fromisoformat(closed)], at=now)
    assert found == (date.fromisoformat(due) if due else None)


def test_what_was_not_followed_on_that_day_is_not_due() -> None:
    now = datetime.fromisoformat("2026-11-28T00:30Z")
    for span, due in (((27, 28), date(2026, 11, 27)), ((28, 30), None), ((20, 27), None)):
        followed = [(date(2026, 11, span[0]), date(2026, 11, span[1]))]
        sessions = recent_sessions("XNYS", now)
        assert due_session(sessions, followed=followed, closed=[date(2026, 11, 25)], at=now) == due


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (None, "empty"),
        (run(), "ok"),
        (run(unrenewed=11), "ok"),
        (run(unrenewed=13), "late"),
        (run(ready=False, unrenewed=60), "starting"),
        (run(ready=False, unrenewed=181), "late"),
        (run("done"), "stopped"),
        (run("failed", error="no room"), "failed"),
    ],
)
def test_a_job_that_does_not_renew_its_lease_is_paused(seen: Run | None, state: str) -> None:
    assert boxes.job_box(JobSeen(seen, NOW), NOW.timestamp())[0].state == state


@pytest.mark.parametrize(
    ("beats", "open_venues", "state"),
    [
        ([Beat("yahoo", 3, True)], {"XNAS"}, "ok"),
        ([Beat("yahoo", 26, True)], {"XNAS"}, "late"),
        ([Beat("yahoo", 3, False)], {"XNAS"}, "late"),
        ([Beat("yahoo", 3, True)], set(), "closed"),
        ([Beat("yahoo", 900, True)], set(), "stopped"),
        ([], {"XNAS"}, "late"),
        ([], set(), "closed"),
    ],
)
def test_a_producer_is_silent_only_while_its_exchange_is_open(
    beats: list[Beat], open_venues: set[str], state: str
) -> None:
    live_and_open = ["yahoo"] if open_venues else []
    box, problems = boxes.feed_box(beats, LIVE, open_venues, live_and_open, NOW.timestamp())
    assert (box.state, bool(problems)) == (state, state == "late")


def test_a_producer_that_ended_in_the_session_is_missed() -> None:
    box, problems = boxes.feed_box([], LIVE, {"XNAS"}, ["yahoo"], NOW.timestamp())
    assert box.says == "a producer is silent"
    assert problems == ["no producer of yahoo is known: start `tapehouse live`"]


def test_a_live_source_with_a_producer_of_yesterday_is_no_tape() -> None:
    box, _ = boxes.feed_box([Beat("yahoo", 9000, True)], LIVE, set(), [], NOW.timestamp())
    assert (box.state, box.says) == ("stopped", "its exchange is closed")


def test_a_tape_is_no_feed_that_closes() -> None:
    box, _ = boxes.feed_box([], {("generated", "XNAS")}, set(), [], NOW.timestamp())
    assert (box.state, box.says) == ("ok", "generated: a tape, which is never late")


@pytest.mark.parametrize(
    ("job", "state"),
    [
        ("running", "ok"),
        ("stopped", "late"),
        ("failed", "late"),
        ("never started", "late"),
        ("unknown", "unknown"),
    ],
)
def test_messages_that_wait_are_late_unless_a_job_reads_them(job: str, state: str) -> None:
    found = {("tapehouse_kafka_lag_messages", "t", "0"): 2.0, ("tapehouse_kafka_lag_messages", "t", "1"): 3.0}
    box, lag = boxes.lag_box(found, Job(job))
    assert (box.state, lag) == (state, 5)
    assert boxes.lag_box({}, Job(job))[0].state == "ok"


@pytest.mark.parametrize(
    ("behind", "equal", "state"),
    [(0, 1.0, "ok"), (2, 1.0, "behind"), (2, 0.0, "differs"), (0, None, "behind")],
)
def test_a_warehouse_is_ok_only_when_it_was_compared(behind: float, equal: float | None, state: str) -> None:
    of = "gold.bars_1m"
    found = {
        ("tapehouse_warehouse_version", of): 4.0,
        ("tapehouse_warehouse_behind_versions", of): behind,
    }
    if equal is not None:
        found["tapehouse_reconcile_equal", of] = equal
    box = boxes.warehouse_box(found, NOTHING)
    assert box.state == state
    assert (box.says == "loaded, not compared with the lake yet") == (equal is None)


def program(state: str, **more: Any) -> dict[str, Any]:
    return {"job": "load", "state": state, "started_at": NOW, "ended_at": NOW, "error": None} | more


def test_runs_are_as_bad_as_the_worst_of_the_day() -> None:
    done = NOTHING._replace(programs=[program("done")], today=1)
    assert boxes.runs_box(done).state == "ok"
    assert boxes.runs_box(NOTHING).state == "empty"
    died = boxes.runs_box(done._replace(programs=[program("failed", has_died=True)]))
    assert (died.state, died.says) == ("failed", "1 today, 1 failed")


def test_a_run_that_failed_before_those_that_are_shown_is_counted() -> None:
    box = boxes.runs_box(NOTHING._replace(programs=[program("done")], today=40, failed=2))
    assert (box.state, box.says) == ("failed", "40 today, 2 failed")


def test_a_run_whose_process_is_gone_has_failed() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    here = {"host": socket.gethostname(), "pid": gone.pid, "unrenewed": None}
    assert state_of("running", None, **here) == ("failed", "its process is gone")
    assert state_of("running", None, **here | {"pid": os.getpid()}) == ("running", None)
    assert state_of("running", None, **here | {"host": "elsewhere"}) == ("running", None)
    assert state_of("done", None, **here) == ("done", None)


def test_what_fails_or_hangs_is_unknown_until_it_works_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([1, OSError("away"), 2])

    def look() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watch = Watch("thing", look, every=1.0, patience=3.0)
    known = [(watch.is_known, watch.why)]
    for _ in range(3):
        watch.look_once()
        known.append((watch.is_known, watch.why))
    assert [one for one, _ in known] == [False, True, False, True]
    assert known[0][1] == "it was not looked at yet"
    assert known[2][1] == "OSError: away"
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 4.5)  # the next look hangs
    assert (watch.is_known, watch.why) == (False, "no answer")
