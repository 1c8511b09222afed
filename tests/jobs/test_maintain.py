"""Upkeep that somebody wants now: no row changes, older versions stay readable, and one driver does it."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import upkeep
from jobs.lake.errors import LeaseError
from jobs.lake.lease import Lease
from jobs.lake.maintain import COMPACT, VACUUM, Maintained, Maintenance, maintain
from jobs.lake.tables import BRONZE_QUOTES, GOLD_BARS_1M, GOLD_BARS_1M_LOG, SILVER_QUOTES, Table
from tests.builders import line
from tests.jobs.captured import captured, days, imported, loaded
from tests.stack import Stack, call

pytestmark = pytest.mark.longest
ROWS = "SELECT count(*) AS n, sum(hash(t)::UBIGINT % 1000000007) AS h FROM {} t"


def done(stack: Stack, *tables: Table, action: str = COMPACT) -> list[Maintained]:
    return list(
        maintain(
            stack.settings,
            tables,
            action,
            wait=5,
            start_spark=lambda: stack.spark,
            stop_asked=lambda: False,
        )
    )


def test_history_is_compacted_and_vacuumed_without_a_loss(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.lake.history_tables import BRONZE_HISTORY

    monkeypatch.setenv("TAPEHOUSE_RAW_URL", f"s3://raw/{stack.topic}")
    for day in ("03", "04", "05"):
        imported(captured(tmp_path, day, days(f"AA {day} 10 100")))
        loaded(stack)
    before = stack.sql(ROWS.format("bronze.history"))
    (compacted,) = done(stack, BRONZE_HISTORY)
    assert compacted.files == {"files_removed": 3, "files_added": 1}
    (vacuumed,) = done(stack, BRONZE_HISTORY, action=VACUUM)
    # they are younger than 7 days
    assert vacuumed.files == {"files_deleted": 0}
    assert stack.sql(ROWS.format("bronze.history")) == before
    older = stack.sql("SELECT count(*) AS n FROM bronze.history", "--as-of", "bronze.history=1")
    assert older == [{"n": "6"}]
    # the next load goes on from there; and again there is little to do
    imported(captured(tmp_path, "06", days("AA 06 10 100")))
    assert loaded(stack).objects == 1
    assert done(stack, BRONZE_HISTORY)[0].files["files_added"] <= 1
    stack.send([line("14:30:00", "10", "1")])
    stack.drain()
    with Held(stack, BRONZE_HISTORY.writer):
        outcomes = maintain(
            stack.settings,
            [BRONZE_HISTORY, BRONZE_QUOTES],
            COMPACT,
            wait=5,
            start_spark=lambda: stack.spark,
            stop_asked=lambda: False,
        )
        # what the other one holds does not hold up the rest
        assert next(outcomes).table == "bronze.quotes"
        with pytest.raises(LeaseError, match="another driver"):
            next(outcomes)


def test_the_driver_of_the_stream_does_what_is_asked_for(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOOK_FOR_REQUESTS_EVERY", -1.0)
    stack.send(line(f"14:30:{n:02}", f"1{n}", str(n + 1)) for n in range(8))
    answers: list[Maintained] = []

    def ask() -> None:
        maintenance = Maintenance(
            stack.settings, COMPACT, wait=60, start_spark=lambda: stack.spark, stop_asked=lambda: False
        )
        deadline = time.monotonic() + 60
        while not maintenance.stream_is_driven() and time.monotonic() < deadline:
            time.sleep(0.05)
        answers.extend(maintenance.by_driver([BRONZE_QUOTES, SILVER_QUOTES]))

    asking = threading.Thread(target=ask)
    asking.start()
    stack.drain(max_offsets=1)
    asking.join(60)
    assert [(one.table, one.by) for one in answers] == [
        ("bronze.quotes", "the driver of the stream"),
        ("silver.quotes", "the driver of the stream"),
    ]
    # at rest a schedule leaves it, and says so
    code, out, _ = call("optimize", "--scheduled", "bronze.quotes", "silver.quotes")
    assert (code, out.count("left as it is: the driver of the stream, which does it, does not run")) == (0, 2)
    # and asked for by name it is done here
    before = stack.sql(ROWS.format("gold.bars_1m"))
    for one in done(stack, BRONZE_QUOTES, SILVER_QUOTES, GOLD_BARS_1M):
        assert one.by == "this program"
        assert one.files["files_added"] <= 1
    assert {one.table for one in done(stack, GOLD_BARS_1M_LOG, action=VACUUM)} == {"gold.bars_1m_log"}
    assert stack.sql(ROWS.format("gold.bars_1m")) == before
    assert call("verify")[0] == 0
    # and the stream goes on
    stack.send([line("14:31:00", "20", "30")])
    stack.drain()
    assert call("verify")[0] == 0


def test_a_request_that_a_driver_died_of_is_not_tried_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOOK_FOR_REQUESTS_EVERY", -1.0)
    stack.send(line(f"14:30:{n:02}", f"1{n}", str(n + 1)) for n in range(2))
    ledger = stack.ledger()
    requests = ledger.upkeep_requests
    request_id = requests.ask("bronze.quotes", COMPACT)
    assert requests.begin_oldest(["silver.quotes"], run_id=ledger.run_id) is None
    begun = requests.begin_oldest(["bronze.quotes"], run_id=ledger.run_id)
    assert begun is not None
    assert begun.begun_by is None
    stack.drain(max_offsets=1)
    answer = requests.answer_of(request_id)
    ledger.close()
    assert answer is not None
    assert answer.problem == f"run {ledger.run_id} ended while it was at it"


@pytest.mark.usefixtures("stack")
def test_wrong_tables_are_named() -> None:
    code, _, err = call("optimize", "gold.bars_1m_log")
    assert (code, "this is not for gold.bars_1m_log" in err) == (2, True)
    code, _, err = call("vacuum", "gold.bars_1d", "--json")
    assert (code, "there is no gold.bars_1d yet" in err) == (2, True)


class Held:
    """The lease of a group, held by another program."""

    def __init__(self, stack: Stack, group: str) -> None:
        self._ledger = stack.ledger()
        self._lease = Lease(stack.settings, group, run_id=self._ledger.run_id)

    def __enter__(self) -> None:
        self._lease.acquire()

    def __exit__(self, *_: Any) -> None:
        self._lease.close()
        self._ledger.close()
