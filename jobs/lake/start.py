"""Start of the stream: what it speaks to, its tables, and a checkpoint that belongs to them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from jobs.lake import history
from jobs.lake.checkpoint import Checkpoint, starting_offsets
from jobs.lake.errors import NoDataError, ServiceError, TopicError
from jobs.lake.kafka import Topic, describe_topic
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.patience import attempts
from jobs.lake.progress import Offsets
from jobs.lake.settings import Settings
from jobs.lake.stream_state import StreamState, recover
from jobs.lake.tables import BATCH_TABLES, STREAM, STREAM_TABLES, Table
from jobs.lake.write import TableWriter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def connect(
    settings: Settings, *, wait: float, give_up: Callable[[], bool] = lambda: False
) -> tuple[Ledger, Topic]:
    """The ledger and the topic, once both are there; what is not within `wait` seconds is an error."""
    for attempt in attempts(on=(ServiceError, TopicError), seconds=wait, first=0.2, most=1.0):
        with attempt:
            topic = describe_topic(settings.kafka, settings.topic)
            return Ledger(settings, give_up=give_up), topic
    raise AssertionError("the last attempt raises")


def take_over(
    spark: "SparkSession", settings: Settings, lease: Lease, topic: Topic, writer: TableWriter
) -> StreamState:
    """Recover where the stream's tables stand, and commit a new epoch to each. The caller holds the lease.

    A table that is not there is made by that commit. A driver of an older epoch that was stopped in the middle of a
    write may end it until then, and not after: what it added meanwhile is recovered too.
    """
    state = recover(settings, topic)
    lease.raise_above(state.epoch)
    state.epoch = lease.epoch

    def commit_epoch(table: Table) -> int:
        commit = state.standing_commit(table, kind="epoch")
        return writer.append(spark.createDataFrame([], table.schema), table=table, commit=commit, rows=0)

    with ThreadPoolExecutor(len(STREAM_TABLES)) as pool:
        made = list(pool.map(commit_epoch, STREAM_TABLES))
    if any(
        version != state.versions[table.name] + 1 for table, version in zip(STREAM_TABLES, made, strict=True)
    ):
        state = recover(settings, topic)
        state.epoch = lease.epoch
    return state


def open_checkpoint(settings: Settings, state: StreamState) -> tuple[Checkpoint, str]:
    """The stream's checkpoint, and where a new one begins. One of other tables, lost, damaged or ahead is refused."""
    checkpoint = Checkpoint(settings.checkpoints, STREAM)
    identity = _identity(settings, state.topic)
    ends = {table.name: state.ends[table.name] for table in BATCH_TABLES}
    checkpoint.check(identity, ends, topic=state.topic.name)
    checkpoint.begin(identity)
    return checkpoint, starting_offsets(ends, topic=state.topic.name, partitions=state.topic.partitions)


def rebuild_checkpoint(settings: Settings) -> dict[str, Offsets]:
    """Set the checkpoint aside and begin another; the recorded ends, from whose smallest the next start goes on."""
    topic = describe_topic(settings.kafka, settings.topic)
    with (
        closing(Ledger(settings)) as ledger,
        ledger.run("rebuild_checkpoint", topic=topic.name),
        closing(Lease(settings, STREAM, run_id=ledger.run_id)) as lease,
    ):
        lease.acquire()
        state = recover(settings, topic)
        if not any(version >= 0 for version in state.versions.values()):
            raise NoDataError(
                "there is nothing to rebuild a checkpoint from",
                found=f"no table of {STREAM} at {settings.realtime_url}",
                remedy="start the stream: it makes its tables and a checkpoint",
            )
        Checkpoint(settings.checkpoints, STREAM).rebuild(_identity(settings, topic))
    return {table.name: state.ends[table.name] for table in BATCH_TABLES}


def _identity(settings: Settings, topic: Topic) -> dict[str, str]:
    return {
        "topic": topic.name,
        "topic id": topic.topic_id,
        **{f"table {table.name}": history.table_id(table, settings) for table in BATCH_TABLES},
    }
