"""The life of a rebuild: take the stream's tables over while no driver runs, and go through the sessions.

A rebuild repeats the recorded ends and is no batch: the stream goes on afterwards where it was.
"""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from jobs.lake.aside import Aside
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import StoppedError, UnfinishedBatchError
from jobs.lake.gold_log import GoldLog
from jobs.lake.kept import OpenBars
from jobs.lake.one_spark import OneSpark
from jobs.lake.progress import exceeds, largest, smallest
from jobs.lake.rebuild_days import Wanted, find_days
from jobs.lake.rebuild_writer import Outcome, RebuildWriter
from jobs.lake.settings import Settings
from jobs.lake.stop import StopRequest
from jobs.lake.stream_at_rest import stream_at_rest
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import BATCH_TABLES, GOLD_BARS_1M
from jobs.lake.write import TableWriter, dml_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REBUILD = "rebuild"


def run_rebuild(settings: Settings, wanted: Wanted) -> list[Outcome]:
    """Rebuild in a Spark of its own, which a signal stops between two commits."""
    stop = StopRequest()
    return rebuild(settings, wanted, start_spark=OneSpark(REBUILD, settings, stop), stop_asked=stop)


def rebuild(
    settings: Settings,
    wanted: Wanted,
    *,
    start_spark: Callable[[], "SparkSession"],
    stop_asked: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Bring the wanted tables to what bronze says of their sessions; refused while a driver of the stream runs."""
    days = {"from": str(wanted.first), "to": str(wanted.last)}
    with stream_at_rest(
        REBUILD, settings, start_spark=start_spark, stop_asked=stop_asked, tables=wanted.tables, **days
    ) as stream:
        _refuse_unfinished(stream.state)
        place = (stream.state, stream.writer)
        return _rebuild(dml_session(stream.spark), settings, wanted, place, stop_asked)


def _rebuild(
    spark: "SparkSession",
    settings: Settings,
    wanted: Wanted,
    place: tuple[StreamState, TableWriter],
    stop_asked: Callable[[], bool],
) -> list[Outcome]:
    configuration = Configuration(spark, settings, read_facts(settings))
    days = find_days(spark, settings, configuration, wanted)
    if GOLD_BARS_1M.name in wanted.tables:
        # rows may leave the log only when gold.bars_1m has them
        nothing = OpenBars(spark, settings, gold_is_empty=True)
        log = GoldLog(spark, settings, *place, configuration=configuration, open_bars=nothing)
        with closing(Aside()) as aside:
            log.merge_within(aside)
            aside.settle(wait=True)
    writer = RebuildWriter(spark, settings, *place, configuration=configuration)
    done: list[Outcome] = []
    for day in days:
        for outcome in writer.rebuild(day, wanted.tables):
            done.append(outcome)
            if stop_asked():
                raise StoppedError(
                    "the rebuild was asked to stop",
                    found=f"done last: {outcome.table} of {outcome.session}",
                    remedy="run it again: what is done will be found equal",
                )
    return done


def _refuse_unfinished(state: StreamState) -> None:
    """Refuse a batch that some tables hold and others do not.

    The stream will bring it to the others: what was rebuilt from half of it would then be there twice, or be lost.
    """
    ends = {table.name: state.ends[table.name] for table in BATCH_TABLES}
    if exceeds(largest(*ends.values()), smallest(ends.values())):
        raise UnfinishedBatchError(
            "the stream was interrupted in the middle of a batch",
            found="; ".join(f"{name} ends at {end}" for name, end in ends.items()),
            remedy="complete it first: spark-submit jobs/stream_quotes.py --trigger available-now",
        )
