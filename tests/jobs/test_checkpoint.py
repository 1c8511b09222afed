"""A checkpoint that is lost or damaged is refused with the remedy, and the remedy loses and doubles nothing."""

import json
import shutil
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from jobs.lake.checkpoint import Checkpoint
from jobs.lake.errors import CheckpointError
from jobs.lake.lease import Lease
from producers.events import Message
from tests.builders import quote
from tests.stack import Stack, call, no_room_for

SYMBOLS = ("AAPL", "MSFT", "TSLA", "AMZN", "NVDA")


def lines(minute: int) -> list[Message]:
    """A quote each of some symbols: the partitions of the topic end at different offsets."""
    return [
        Message("yahoo_recording", b"frame", quote(f"14:{minute}:{second:02} {symbol} 10 {second + 1}"))
        for second, symbol in enumerate(SYMBOLS)
    ]


@pytest.mark.longest
def test_a_lost_checkpoint_is_refused_and_rebuilt_also_after_a_crash_between_two_commits_and_twice(
    stack: Stack,
) -> None:
    stack.send(lines(30))
    stack.drain()
    stack.send(lines(31))
    with no_room_for("silver.quotes"), pytest.raises(OSError, match=r"no room for silver\.quotes"):
        stack.drain()
    shutil.rmtree(stack.checkpoint)
    with pytest.raises(CheckpointError, match=r"lost(.*\n)*.*tapehouse rebuild-checkpoint"):
        stack.drain()
    for _ in range(2):
        code, out, errors = call("rebuild-checkpoint", "--json")
        assert code == 0, errors
        ends = json.loads(out)
        assert sum(ends["bronze.quotes"].values()) == 10
        assert sum(ends["silver.quotes"].values()) == 5
    stack.send(lines(32))
    stack.drain()
    assert call("verify")[0] == 0
    assert stack.one("SELECT count(*) FROM silver.quotes") == "15"
    assert stack.one("SELECT count(*) FROM gold.bars_1m") == "15"


def test_a_checkpoint_is_not_rebuilt_under_a_driver_nor_without_tables(stack: Stack) -> None:
    with closing(Lease(stack.settings, "stream_quotes", run_id=str(uuid.uuid4()))) as lease:
        lease.acquire()
        code, _, errors = call("rebuild-checkpoint")
    assert code == 1
    assert "written by another driver" in errors
    code, _, errors = call("rebuild-checkpoint")
    assert code == 2
    assert "nothing to rebuild" in errors


@pytest.mark.parametrize(
    ("file", "text"),
    [("metadata", ""), ("offsets/7", 'v1\n{}\n{"quotes'), ("offsets/7", "v1\n"), ("commits/7", "")],
)
def test_a_truncated_checkpoint_is_refused_with_the_remedy(tmp_path: Path, file: str, text: str) -> None:
    whole = {
        "metadata": '{"id":"1"}',
        "offsets/7": 'v1\n{}\n{"t":{"0":5}}',
        "commits/7": 'v1\n{"nextBatchWatermarkMs":0}',
    }
    checkpoint = Checkpoint(tmp_path, "stream")
    checkpoint.rebuild({"topic": "t"})
    for name, content in whole.items():
        (checkpoint.path / name).parent.mkdir(exist_ok=True)
        (checkpoint.path / name).write_text(content)
    checkpoint.check({"topic": "t"}, {"bronze.quotes": {0: 5}}, topic="t")
    with pytest.raises(CheckpointError, match=r"is ahead of bronze\.quotes"):
        checkpoint.check({"topic": "t"}, {"bronze.quotes": {0: 4}}, topic="t")
    (checkpoint.path / file).write_text(text)
    with pytest.raises(CheckpointError, match=r"damaged(.*\n)*.*tapehouse rebuild-checkpoint"):
        checkpoint.check({"topic": "t"}, {"bronze.quotes": {0: 5}}, topic="t")
