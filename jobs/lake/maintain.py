"""Upkeep that somebody wants now: by the driver that writes a table, or here, under its lease, while none runs."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import structlog

from jobs.lake.errors import LeaseError
from jobs.lake.job_run import job_run
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.one_spark import OneSpark
from jobs.lake.settings import Settings
from jobs.lake.stop import StopRequest
from jobs.lake.stream_at_rest import stream_at_rest
from jobs.lake.tables import STREAM, Table
from jobs.lake.upkeep import Upkeep
from jobs.lake.write import dml_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = structlog.get_logger()
COMPACT, VACUUM = "compact", "vacuum"
LOOK_EVERY = 0.5  # seconds


class Maintained(NamedTuple):
    """What was done to a table's files, and whether its driver did it or this program; `by` is empty if nobody did."""

    table: str
    action: str
    by: str
    files: dict[str, int]


def maintain(
    settings: Settings,
    tables: Iterable[Table],
    action: str,
    *,
    wait: float,
    leave_the_streams: bool = False,
    start_spark: "Callable[[], SparkSession] | None" = None,
    stop_asked: Callable[[], bool] | None = None,
) -> Iterator[Maintained]:
    """Compact or vacuum tables, one outcome each as it comes; a job that runs is waited for `wait` seconds.

    `leave_the_streams`: nothing is done to the stream's tables while no driver runs. Tables that their writer does not
    give free do not hold up those of others: that is an error at the end.
    """
    stop, refused = StopRequest(), list[LeaseError]()
    maintenance = Maintenance(
        settings,
        action,
        wait=wait,
        start_spark=start_spark or OneSpark("maintain", settings, stop),
        stop_asked=stop_asked or stop,
    )
    for writer, mine in _by_writer(tables).items():
        try:
            if writer != STREAM:
                yield from maintenance.of_job(writer, mine)
            elif maintenance.stream_is_driven():
                yield from maintenance.by_driver(mine)
            elif leave_the_streams:
                yield from (Maintained(table.name, action, "", {}) for table in mine)
            else:
                yield from maintenance.of_stream(mine)
        except LeaseError as error:
            log.warning("not_maintained", tables=[table.name for table in mine], why=str(error))
            refused.append(error)
    if refused:
        raise refused[0]


def _by_writer(tables: Iterable[Table]) -> dict[str, list[Table]]:
    found: dict[str, list[Table]] = {}
    for table in tables:
        found.setdefault(table.writer, []).append(table)
    return found


class Maintenance:
    """One action on tables of several writers."""

    def __init__(
        self,
        settings: Settings,
        action: str,
        *,
        wait: float,
        start_spark: "Callable[[], SparkSession]",
        stop_asked: Callable[[], bool],
    ) -> None:
        self._settings, self._action, self._wait = settings, action, wait
        self._start_spark, self._stop_asked = start_spark, stop_asked

    def stream_is_driven(self) -> bool:
        return Lease(self._settings, STREAM, run_id="").is_held()

    def of_job(self, job: str, tables: list[Table]) -> Iterator[Maintained]:
        """Under the lease of the job that writes them."""
        with job_run(
            job,
            self._settings,
            tables,
            program=self._action,
            wait=self._wait,
            start_spark=self._start_spark,
            stop_asked=self._stop_asked,
        ) as run:
            for table in tables:
                files = run.compact(table) if self._action == COMPACT else run.vacuum(table)
                yield Maintained(table.name, self._action, "this program", files)

    def of_stream(self, tables: list[Table]) -> Iterator[Maintained]:
        """Under the lease of the stream, which does not run."""
        names = [table.name for table in tables]
        with stream_at_rest(
            self._action,
            self._settings,
            start_spark=self._start_spark,
            stop_asked=self._stop_asked,
            tables=names,
        ) as stream:
            session = dml_session(stream.spark)
            upkeep = Upkeep(stream.spark, self._settings, stream.state, stream.writer, stream.ledger)
            for table in tables:
                compacts = self._action == COMPACT
                files = upkeep.compact(table) if compacts else stream.writer.vacuum_counted(session, table)
                yield Maintained(table.name, self._action, "this program", files)

    def by_driver(self, tables: list[Table]) -> Iterator[Maintained]:
        """By the driver of the stream, between two of its batches."""
        with closing(Ledger(self._settings, give_up=self._stop_asked)) as ledger:
            for table in tables:
                yield self._asked(ledger, table)

    def _asked(self, ledger: Ledger, table: Table) -> Maintained:
        requests = ledger.upkeep_requests
        request_id = requests.ask(table.name, self._action)
        deadline = time.monotonic() + self._wait
        try:
            while (answer := requests.answer_of(request_id)) is None:
                if time.monotonic() > deadline or self._stop_asked():
                    raise LeaseError(
                        f"the driver of the stream has not done it: {self._action} of {table.name}",
                        found=f"no answer within {self._wait:.0f} s; the request is withdrawn",
                        remedy="look at `tapehouse status`; a batch that takes long is waited for with --wait",
                    )
                time.sleep(LOOK_EVERY)
        finally:
            requests.withdraw(request_id)
        if answer.problem:
            raise LeaseError(
                f"the driver of the stream could not do it: {self._action} of {table.name}",
                found=answer.problem,
                remedy="look at its run in the ledger, and at its log",
            )
        return Maintained(table.name, self._action, "the driver of the stream", dict(answer.result))
