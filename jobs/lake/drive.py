"""The life of the stream's driver: take the tables over, run the query until it is drained or stopped.

A query that fails because the store or the broker is away is started again in the same process, from where the tables
then stand.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyspark.errors import StreamingQueryException

from jobs.lake import failpoints
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.kafka import Topic, describe_topic
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.patience import attempts
from jobs.lake.postgres import PatienceError
from jobs.lake.quote_stream import QuoteStream
from jobs.lake.quote_writer import QuoteWriter
from jobs.lake.restarts import Restarts, is_of_surroundings
from jobs.lake.session import build_session
from jobs.lake.settings import Settings
from jobs.lake.start import connect, open_checkpoint, take_over
from jobs.lake.stop import StopRequest
from jobs.lake.tables import STREAM
from jobs.lake.warm_up import warm_up
from jobs.lake.write import TableWriter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run_quotes(settings: Settings, *, wait: float, **options: Any) -> None:
    """Start Spark, and what it needs beside it, and drive the stream until it is drained or a signal asks to stop.

    What is not there within `wait` seconds is an error. `options` are those of `Pace`.
    """
    with ThreadPoolExecutor(2) as aside:
        stop = StopRequest()
        connecting = aside.submit(connect, settings, wait=wait, give_up=stop)
        if not wait:
            connecting.result()  # what does not answer is said at once
        # the exchange calendars take seconds, which the JVM takes too
        reading = aside.submit(read_facts, settings)
        spark = build_session("stream_quotes", settings)
        failpoints.arm(spark)
        stop.listen(spark)
        configuration = Configuration(spark, settings, reading.result())
        warming = aside.submit(
            warm_up, spark, listings=configuration.listings, sessions=configuration.sessions
        )
        ledger, topic = connecting.result()
        driver = Driver(spark, settings, ledger, configuration=configuration, stop_asked=stop)
        driver.run(topic, Pace(**options), wait=wait, before_start=warming.result)


@dataclass(frozen=True)
class Pace:
    """How often a batch is made, and how large it may be."""

    trigger: str
    max_offsets: int


def is_starting(error: Exception) -> bool:
    """Whether a start may be tried again: a service is not there yet, and nobody's patience was spent on it."""
    return is_of_surroundings(error) and not isinstance(error, PatienceError)


class Driver:
    """One program that writes the stream's tables, under one lease."""

    def __init__(
        self,
        spark: "SparkSession",
        settings: Settings,
        ledger: Ledger,
        *,
        configuration: Configuration,
        stop_asked: Callable[[], bool] = lambda: False,
    ) -> None:
        self._spark, self._settings, self._ledger = spark, settings, ledger
        self._configuration, self._stop_asked = configuration, stop_asked
        self._lease = Lease(settings, STREAM, run_id=ledger.run_id, give_up=stop_asked)
        self._tables = TableWriter(settings, self._lease)

    def run(
        self,
        topic: Topic,
        pace: Pace,
        *,
        wait: float = 0,
        before_start: Callable[[], object] = lambda: None,
    ) -> None:
        """Write the topic's messages into the tables, until the topic is drained or a stop is asked for.

        A store that is still starting has `wait` seconds. `before_start` is waited for when everything else is ready
        for the first batch.
        """
        with self._ledger.run(STREAM, topic=topic.name, trigger=pace.trigger), closing(self._lease):
            self._lease.acquire()
            self._ledger.close_lost_runs(STREAM)
            restarts = Restarts(give_up=self._stop_asked)
            quotes: QuoteStream | None = self._prepare_within(wait, topic)
            before_start()
            while True:
                try:
                    quotes = quotes or self._prepare(describe_topic(self._settings.kafka, topic.name))
                    return self._follow(quotes, pace)
                except PatienceError:
                    raise
                except Exception as error:  # ruff: ignore[blind-except] - raised again unless a service was away
                    self._lease.ask()  # another driver is the better reason
                    restarts.wait_after(error, progressed=quotes is not None and quotes.has_progressed)
                    quotes = None

    def _prepare_within(self, seconds: float, topic: Topic) -> QuoteStream:
        """The stream, once the store is there; what is not within `seconds` is an error."""
        for attempt in attempts(on=is_starting, seconds=seconds, first=0.5, most=2.0):
            with attempt:
                return self._prepare(topic)
        raise AssertionError("the last attempt raises")

    def _prepare(self, topic: Topic) -> QuoteStream:
        state = take_over(self._spark, self._settings, self._lease, topic, self._tables)
        checkpoint, starting_offsets = open_checkpoint(self._settings, state)
        writer = QuoteWriter(
            self._spark,
            self._settings,
            self._ledger,
            state,
            self._tables,
            configuration=self._configuration,
        )
        place = (str(checkpoint.path), starting_offsets)
        return QuoteStream(self._spark, self._settings, writer, place=place)

    def _follow(self, quotes: QuoteStream, pace: Pace) -> None:
        query = quotes.start(trigger=pace.trigger, max_offsets=pace.max_offsets)
        try:
            self._ledger.mark_ready()
            while query.isActive and not self._stop_asked():
                self._lease.raise_if_lost()
                # what ended it is raised by `stop`, as it was before Spark wrapped it
                with suppress(StreamingQueryException):
                    if not query.awaitTermination(1):
                        quotes.tick()
        except BaseException:
            quotes.abandon(query)
            raise
        quotes.stop(query)
