"""Rebuilds the tables of one session after the other, each in one commit, and counts what it does."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog

from jobs.lake.configuration import Configuration
from jobs.lake.kept import keep, release
from jobs.lake.rebuild_days import Day
from jobs.lake.rebuild_frames import Difference, SessionFrames
from jobs.lake.settings import Settings
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import GOLD_BARS_1M, SILVER_QUOTES, SILVER_REJECTED
from jobs.lake.write import TableWriter
from transforms.rebuilds import DELETE, INSERT, UNTOUCHED, UPDATE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COUNTED = {"inserted": INSERT, "updated": UPDATE, "deleted": DELETE, "untouched": UNTOUCHED}
log = structlog.get_logger()


class Outcome(NamedTuple):
    """What was done to one table of one session; `version` is the commit's, None where nothing differed."""

    table: str
    session: date
    messages: int
    inserted: int
    updated: int
    deleted: int
    untouched: int
    version: int | None


class RebuildWriter:
    """Writes under one lease. `dml` is a session that is used for nothing else."""

    def __init__(
        self,
        dml: "SparkSession",
        settings: Settings,
        state: StreamState,
        tables: TableWriter,
        *,
        configuration: Configuration,
    ) -> None:
        self._dml, self._settings, self._state = dml, settings, state
        self._tables, self._configuration = tables, configuration
        self._lateness = timedelta(minutes=settings.lateness_minutes)
        self._commits = 0

    def rebuild(self, day: Day, names: tuple[str, ...]) -> Iterator[Outcome]:
        """The tables among `names`, each with its outcome as soon as that is committed."""
        frames = SessionFrames(
            self._dml, self._settings, self._configuration, day.session, kafka_dates=day.kafka_dates
        )
        try:
            for difference in self._differences(frames, names):
                outcome = self._apply(difference, day)
                log.info("rebuilt", **{k: v for k, v in outcome._asdict().items() if v is not None})
                yield outcome
        finally:
            frames.release()

    def _differences(self, frames: SessionFrames, names: tuple[str, ...]) -> Iterator[Difference]:
        """A message that is rejected now is in silver.rejected before it leaves silver.quotes.

        The other way round it could be in neither of them, and no later run would find it by its session.
        """
        if SILVER_REJECTED.name in names:
            yield frames.rejected()
        if SILVER_QUOTES.name in names:
            yield frames.quotes()
        if GOLD_BARS_1M.name in names:
            yield from frames.bars(final_before=self._state.final_before(self._lateness))

    def _apply(self, difference: Difference, day: Day) -> Outcome:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        seen = Observation()
        counts = [F.count_if(F.col("change") == change).alias(name) for name, change in COUNTED.items()]
        differing = difference.rows.observe(seen, *counts).where(F.col("change") != UNTOUCHED)
        changes = keep(differing)
        table, version = difference.table, None
        if any(count for name, count in seen.get.items() if name != "untouched"):
            self._commits += 1
            commit = self._state.standing_commit(table, kind="rebuild")
            version = self._tables.change(
                changes, table=table, commit=commit, number=self._commits, beside="/rebuild"
            )
        release(changes)
        return Outcome(table.name, day.session, day.messages, **seen.get, version=version)
