"""Commits of a batch that did not all happen, and batches that give gold nothing: what a restart makes of them."""

import uuid

import pytest

from jobs.lake import gold_log, write
from jobs.lake.errors import WriteSkippedError
from jobs.lake.lease import Lease
from jobs.lake.progress import Commit, recorded_ends
from jobs.lake.tables import GOLD_BARS_1M_LOG, SILVER_QUOTES
from jobs.lake.write import TableWriter
from producers.events import Message
from tests.builders import line
from tests.stack import Stack, call, no_room_for

TABLES = ("bronze.quotes", "silver.quotes", "gold.bars_1m")
COUNTS = f"SELECT {', '.join(f'(SELECT count(*) FROM {table}) AS {table[:4]}' for table in TABLES)}"
BAD = Message("yahoo_recording", b"rubbish", None)


def verified(stack: Stack) -> None:
    code, report, errors = call("verify")
    assert code == 0, f"{stack.topic} {report} {errors}"


def test_a_batch_of_which_some_tables_have_committed_is_completed_by_the_next_start(stack: Stack) -> None:
    lost = {"bronze.quotes", "gold.bars_1m_log"}  # silver has it already, and so has what was rejected
    stack.send([line("14:30:01"), BAD])
    stack.drain()
    stack.send([line("14:30:02", "11", "5"), line("14:31:01", "12", "9"), BAD])
    with no_room_for(*lost), pytest.raises(OSError, match="no room for"):
        stack.drain()
    stack.drain()
    verified(stack)
    assert stack.one("SELECT count(*) FROM silver.quotes") == "3"
    assert stack.one("SELECT count(*) FROM silver.rejected") == "2"
    assert stack.sql("SELECT close, volume FROM gold.bars_1m ORDER BY bar_start") == [
        {"close": "11.000000", "volume": "4"},
        {"close": "12.000000", "volume": "4"},
    ]


def test_restarts_write_nothing_twice_and_lose_nothing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gold_log, "COMMITS_KEPT", 0)
    stack.send([line("14:30:01"), line("14:30:02", "11", "2")])
    stack.drain()
    before = stack.sql(COUNTS)
    # as if the driver had died after the tables' commits and before the checkpoint's
    for commit in (stack.checkpoint / "commits").iterdir():
        commit.unlink()
    stack.drain()
    assert stack.sql(COUNTS) == before == [{"bron": "2", "silv": "2", "gold": "1"}]
    # nothing for gold in the last batch before a start
    stack.send([BAD])
    stack.drain()
    stack.send([line("14:31:01", "12", "9")])
    stack.drain()
    stack.drain()
    verified(stack)
    assert stack.sql(COUNTS) == [{"bron": "4", "silv": "3", "gold": "2"}]
    # what was merged has left the log
    assert stack.one("SELECT count(*) FROM gold.bars_1m_log") == "1"


def test_a_write_that_delta_drops_is_an_error_even_if_another_driver_moved_the_table_on(stack: Stack) -> None:
    stack.send([line("14:30:01")])
    stack.drain()
    lease = Lease(stack.settings, "stream_quotes", run_id=str(uuid.uuid4()))
    lease.acquire()
    writer = TableWriter(stack.settings, lease)
    old = Commit(stack.topic, "id", {0: 0}, {0: 1}, 0, "batch")
    nothing = stack.spark.createDataFrame([], SILVER_QUOTES.schema)
    with pytest.raises(WriteSkippedError, match=r"dropped a write to silver\.quotes"):
        writer.append(nothing, table=SILVER_QUOTES, commit=old, rows=0)
    seen = iter([-1, 1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "version", lambda *_: next(seen))
        with pytest.raises(WriteSkippedError, match="from version -1 to 1"):
            writer.append(nothing, table=SILVER_QUOTES, commit=old, rows=0)
    lease.close()


def test_an_empty_table_is_only_as_far_as_the_batch_that_says_so() -> None:
    ahead = Commit(
        "t", "id", {0: 5}, {0: 9, 1: 7}, 1, "batch", empty=("silver.rejected",), batch_end={0: 9, 1: 4}
    )
    ends = recorded_ends({GOLD_BARS_1M_LOG.name: [ahead], "silver.rejected": []}, topic="t")
    assert ends == {GOLD_BARS_1M_LOG.name: {0: 9, 1: 7}, "silver.rejected": {0: 9, 1: 4}}
