"""The life of the stream's driver: take the tables over, run the query until it is drained or stopped."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyspark.errors import StreamingQueryException

from jobs.lake import read
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.kafka import Topic
from jobs.lake.ledger import Ledger
from jobs.lake.quote_stream import QuoteStream
from jobs.lake.session import build_session
from jobs.lake.settings import Settings
from jobs.lake.start import connect, open_checkpoint, take_over
from jobs.lake.stop import StopRequest
from jobs.lake.warm_up import warm_up

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run_quotes(settings: Settings, *, wait: float, **options: Any) -> None:
    """Start Spark, and what it needs beside it, and drive the stream until it is drained or a signal asks to stop.

    What is not there within `wait` seconds is an error. `options` are those of `drive_quotes`.
    """
    with ThreadPoolExecutor(2) as aside:
        connecting = aside.submit(connect, settings, wait=wait)
        if not wait:
            connecting.result()  # what does not answer is said at once
        # the exchange calendars take seconds, which the JVM takes too
        reading = aside.submit(read_facts, settings)
        spark = build_session("stream_quotes", settings)
        stop = StopRequest(spark)
        configuration = Configuration(spark, settings, reading.result())
        warming = aside.submit(
            warm_up, spark, listings=configuration.listings, sessions=configuration.sessions
        )
        ledger, topic = connecting.result()
        drive_quotes(
            spark,
            settings,
            ledger,
            topic,
            configuration=configuration,
            before_start=warming.result,
            stop_asked=lambda: bool(stop),
            **options,
        )


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
