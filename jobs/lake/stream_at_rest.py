"""The stream's tables in the hands of another program, while no driver of the stream runs."""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.lake import history
from jobs.lake.errors import NoDataError
from jobs.lake.kafka import Topic
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.settings import Settings
from jobs.lake.start import take_over
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import BRONZE_QUOTES, STREAM
from jobs.lake.write import TableWriter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class StreamAtRest:
    """Where the stream stands, and what writes its tables."""

    spark: "SparkSession"
    ledger: Ledger
    state: StreamState
    writer: TableWriter


@contextmanager
def stream_at_rest(
    program: str,
    settings: Settings,
    *,
    start_spark: Callable[[], "SparkSession"],
    stop_asked: Callable[[], bool],
    **details: Any,
) -> Generator[StreamAtRest, None, None]:
    """A run of `program` that holds the stream's lease; refused while a driver of the stream runs."""
    with closing(Ledger(settings, give_up=stop_asked)) as ledger:
        topic = _topic_of_bronze(settings)
        lease = Lease(settings, STREAM, run_id=ledger.run_id, give_up=stop_asked)
        with ledger.run(program, topic=topic.name, **details), closing(lease):
            lease.acquire()
            ledger.close_lost_runs(program)
            spark, writer = start_spark(), TableWriter(settings, lease)
            yield StreamAtRest(spark, ledger, take_over(spark, settings, lease, topic, writer), writer)


def _topic_of_bronze(settings: Settings) -> Topic:
    """The topic that the stream wrote last, as its commits name it: no Kafka is needed."""
    _, commits = history.recent_commits(BRONZE_QUOTES, settings)
    if not commits:
        raise NoDataError(
            "the stream has written nothing yet",
            found=f"no commit of the stream at {BRONZE_QUOTES.path(settings)}",
            remedy="start the stream, or `make demo`",
        )
    return Topic(commits[0].topic, commits[0].topic_id, tuple(commits[0].end))
