"""The life of the stream's driver: take the tables over, run the query until it is drained or stopped."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pyspark.errors import StreamingQueryException

from jobs.lake import read
from jobs.lake.configuration import Configuration
from jobs.lake.kafka import Topic
from jobs.lake.ledger import Ledger
from jobs.lake.quote_stream import QuoteStream
from jobs.lake.settings import Settings
from jobs.lake.start import open_checkpoint, take_over

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def drive_quotes(
    spark: "SparkSession",
    settings: Settings,
    ledger: Ledger,
    topic: Topic,
    *,
    configuration: Configuration,
    trigger: str,
    max_offsets: int,
    rebuild_checkpoint: bool = False,
    before_start: Callable[[], object] = lambda: None,
    stop_asked: Callable[[], bool] = lambda: False,
) -> None:
    """Write the topic's messages into the stream's tables, until the topic is drained or a stop is asked for.

    `before_start` is waited for when everything else is ready for the first batch.
    """
    with ledger.run("stream_quotes", topic=settings.topic, trigger=trigger):
        state = take_over(spark, settings, ledger, topic)
        checkpoint, starting_offsets = open_checkpoint(settings, state, rebuild=rebuild_checkpoint)
        quotes = QuoteStream(spark, settings, ledger, state, configuration=configuration)
        before_start()
        messages = read.kafka_stream(
            spark, settings, starting_offsets=starting_offsets, max_offsets=max_offsets
        )
        query = quotes.start(messages, checkpoint=str(checkpoint.path), trigger=trigger)
        ledger.mark_ready()
        while query.isActive and not stop_asked():
            # what ended it is raised by `stop`, as it was before Spark wrapped it
            with suppress(StreamingQueryException):
                if not query.awaitTermination(1):
                    quotes.tick()
        quotes.stop(query)
