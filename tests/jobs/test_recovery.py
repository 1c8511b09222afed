"""Commits of a batch that did not all happen, and batches that give gold nothing: what a restart makes of them."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import gold_log, transaction, write
from jobs.lake.errors import SchemaError, WriteSkippedError
from jobs.lake.kafka import Topic
from jobs.lake.lease import Lease
from jobs.lake.progress import Commit, recorded_ends
from jobs.lake.quote_batch import BatchFacts
from jobs.lake.quote_writer import QuoteWriter
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import BATCH_TABLES, GOLD_BARS_1M, GOLD_BARS_1M_LOG, SILVER_QUOTES
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
def test_a_write_of_an_older_epoch_is_an_error_even_if_another_driver_moved_the_table_on(
    stack: Stack,
) -> None:
    stack.send([line("14:30:01")])
    stack.drain()
    lease = Lease(stack.settings, "stream_quotes", run_id=str(uuid.uuid4()))
    lease.acquire()
    writer = TableWriter(stack.settings, lease)
    old = Commit(stack.topic, "id", {0: 0}, {0: 1}, 0, "batch", sequence=0)
    no_quotes = stack.spark.createDataFrame([], SILVER_QUOTES.schema)
    with pytest.raises(WriteSkippedError, match=r"a write to .*/silver/quotes was seen already"):
        writer.append(no_quotes, table=SILVER_QUOTES, commit=old, rows=0)
    # a merge is dropped by Delta, without a word
    no_bars = write.dml_session(stack.spark).createDataFrame([], GOLD_BARS_1M.schema)
    with pytest.raises(WriteSkippedError, match=r"dropped a write to gold\.bars_1m"):
        writer.merge(no_bars, table=GOLD_BARS_1M, commit=old)
    seen = iter([-1, 1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "version", lambda *_: next(seen))
        with pytest.raises(WriteSkippedError, match="from version -1 to 1"):
            writer.merge(no_bars, table=GOLD_BARS_1M, commit=old)
    lease.close()


@pytest.mark.long
def test_a_commit_that_came_between_snapshot_and_commit_is_an_error(stack: Stack, tmp_path: Path) -> None:
    path = str(tmp_path / "table")
    rows = stack.spark.range(3).selectExpr("id", "id % 2 AS part")
    rows.write.format("delta").partitionBy("part").save(path)
    place = {"application": "a", "user_metadata": "{}", "partition": "part", "before": ("a", 100)}
    assert transaction.append(rows, path, number=7, **place) == 1

    def meanwhile(batches: Iterator[Any]) -> Iterator[Any]:
        import pyarrow as pa
        from deltalake import CommitProperties, Transaction, write_deltalake

        other = CommitProperties(app_transactions=[Transaction("a", 8)])
        write_deltalake(path, pa.table({"id": [9], "part": [0]}), mode="append", commit_properties=other)
        yield from batches

    between = rows.coalesce(1).mapInArrow(meanwhile, rows.schema)
    with pytest.raises(Exception, match="ConcurrentTransaction"):
        transaction.append(between, path, number=8, **place)
    assert stack.spark.read.format("delta").load(path).count() == 7
    with pytest.raises(WriteSkippedError, match="transaction 8, and the table has seen 8"):
        transaction.append(rows, path, number=8, **place)
    # an idle commit has a name of its own, and is fenced by what a newer driver has committed under the table's
    idle = place | {"application": "a/idle"}
    assert transaction.append(rows, path, number=1, **idle) > 1
    with pytest.raises(WriteSkippedError, match="transaction 2, and the table has seen 8"):
        transaction.append(rows, path, number=2, **idle | {"before": ("a", 8)})
    with pytest.raises(SchemaError, match="columns"):
        transaction.append(rows.select("part", "id"), path, number=9, **place)


@pytest.mark.long
def test_a_batch_that_is_only_repeated_is_no_progress(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    write_batch = QuoteWriter.write

    def write(self: QuoteWriter, kafka: Any, batch_id: int) -> bool:
        told.append(write_batch(self, kafka, batch_id))
        return told[-1]

    monkeypatch.setattr(QuoteWriter, "write", write)
    stack.send([line("14:30:01"), BAD])
    stack.drain()
    # as if Spark had not been able to write that the batch is done
    (stack.checkpoint / "commits" / "0").unlink()
    stack.drain()
    assert told == [True, False]


def test_a_table_that_is_empty_for_long_is_as_far_as_the_newest_batch_says_of_all_partitions() -> None:
    state = StreamState(Topic("t", "id", (0, 1)), {table.name: {0: 0, 1: 0} for table in BATCH_TABLES})
    commits: dict[str, list[Commit]] = {table.name: [] for table in BATCH_TABLES}
    for number in range(4):
        # a message in partition 1 once, and in partition 0 in every batch; none of them is rejected
        end = {0: number + 1} | ({1: 7} if number == 0 else {})
        facts = facts_of(end)
        for table in BATCH_TABLES:
            if table.name not in facts.empty_tables:
                commits[table.name].insert(0, state.batch_commit(table, facts, batch_id=number))
        state.uncompacted = dict.fromkeys(commits, 0)
        state.advance(facts, {name: found[0].end for name, found in commits.items() if found})
    newest = {name: found[:2] for name, found in commits.items()}
    assert recorded_ends(newest, topic="t") == {name: {0: 4, 1: 7} for name in commits}


def facts_of(end: dict[int, int]) -> BatchFacts:
    """A batch of accepted messages up to `end`."""
    start = dict.fromkeys(end, 0)
    now = datetime(2026, 1, 5, 15, tzinfo=UTC)
    return BatchFacts(1, 1, start, end, frozenset({now.date()}), frozenset(), now, {}, {})


def test_an_empty_table_is_only_as_far_as_the_batch_that_says_so() -> None:
    ahead = Commit(
        "t", "id", {0: 5}, {0: 9, 1: 7}, 1, "batch", empty=("silver.rejected",), batch_end={0: 9, 1: 4}
    )
    ends = recorded_ends({GOLD_BARS_1M_LOG.name: [ahead], "silver.rejected": []}, topic="t")
    assert ends == {GOLD_BARS_1M_LOG.name: {0: 9, 1: 7}, "silver.rejected": {0: 9, 1: 4}}
