"""Upkeep of gold.bars_1m between batches: merging the log of revisions, and finality by the clock."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from jobs.lake import read
from jobs.lake.aside import Aside
from jobs.lake.configuration import Configuration
from jobs.lake.kept import OpenBars, keep, release
from jobs.lake.sessions import sessions_for
from jobs.lake.settings import Settings
from jobs.lake.stream_state import StreamState
from jobs.lake.tables import GOLD_BARS_1M, GOLD_BARS_1M_LOG
from jobs.lake.write import TableWriter, dml_session
from transforms.constants import whole_number
from transforms.revisions import newest_bars, revise_bars
from transforms.schemas import conform

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

# merged rows stay in the log for as many commits: a reader that opened gold a moment before still finds them
COMMITS_KEPT = 64


class GoldLog:
    """Merges and prunes the log, and closes sessions. The caller holds the lock of the batches."""

    def __init__(
        self,
        spark: "SparkSession",
        settings: Settings,
        state: StreamState,
        writer: TableWriter,
        *,
        configuration: Configuration,
        open_bars: OpenBars,
    ) -> None:
        self._settings, self._state, self._open_bars = settings, state, open_bars
        self._writer, self._dml = writer, dml_session(spark)
        self._configuration = configuration
        self._pruned = state.pruned_sequence
        self._idle = 0

    def merge_within(self, aside: Aside) -> None:
        """Begin to bring gold.bars_1m to the newest revision of every bar, unless it is there."""
        state = self._state
        if state.sequence == state.merged_sequence:
            return
        merged, newest = state.merged_sequence, state.sequence
        state.ends[GOLD_BARS_1M.name] = dict(state.ends[GOLD_BARS_1M_LOG.name])
        commit = state.standing_commit(GOLD_BARS_1M, kind="merge", sequence=newest)

        def work() -> None:
            log = read.table(self._dml, GOLD_BARS_1M_LOG, self._settings).where(
                f"sequence > {merged} AND sequence <= {newest}"
            )
            nothing = self._dml.createDataFrame([], GOLD_BARS_1M.schema)
            self._writer.merge(nothing.transform(newest_bars, log=log), table=GOLD_BARS_1M, commit=commit)

        def then() -> None:
            state.uncompacted[GOLD_BARS_1M.name] += 1
            state.merged_sequence = newest
            self._open_bars.forget_final()
            if merged - self._pruned >= COMMITS_KEPT:
                self._prune(merged)

        aside.begin(work, then=then)

    def close_sessions(self, now: datetime, *, lateness: timedelta) -> None:
        """Make final what the clock has closed, once the stream has read to the end of the topic.

        That is a source's bars when `now` is `lateness` past both the session's last minute and the source's newest
        Kafka time.
        """
        over = self._sessions_over(now - lateness)
        quiet = sorted(
            source for source, newest in self._state.kafka_time.items() if newest <= now - lateness
        )
        if not over or not quiet:
            return
        stored = self._open_bars.with_sessions(day for _, day in over)
        bars = keep(stored.limit(0).transform(revise_bars, stored=stored, passed=_is_one_of(quiet, over)))
        if not bars.isEmpty():
            self._idle += 1
            self._state.sequence += 1
            commit = self._state.standing_commit(GOLD_BARS_1M_LOG, kind="idle")
            rows = bars.transform(with_sequence, sequence=self._state.sequence)
            self._writer.append(rows, table=GOLD_BARS_1M_LOG, commit=commit, rows=0, idle=self._idle)
            self._open_bars.revise(bars)
        self._open_bars.forget_final()
        release(bars)

    def _prune(self, merged: int) -> None:
        commit = self._state.standing_commit(GOLD_BARS_1M_LOG, kind="prune")
        gone = f"sequence <= {merged}"
        self._writer.delete(self._dml, table=GOLD_BARS_1M_LOG, commit=commit, number=merged, where=gone)
        self._pruned = merged

    def _sessions_over(self, moment: datetime) -> set[tuple[str, date]]:
        """(mic, session) of the open sessions whose last minute is before `moment`."""
        days = self._open_bars.sessions
        if not days:
            return set()
        calendars = self._configuration.calendars
        names = sorted({calendar for _, calendar in calendars})
        ended = {(s.session_calendar, s.session) for s in sessions_for(names) if s.last_quote <= moment}
        return {(mic, day) for mic, calendar in calendars for day in days if (calendar, day) in ended}


def with_sequence(bars: "DataFrame", *, sequence: int) -> "DataFrame":
    """Bars as rows of the log, at one place of its order."""
    from pyspark.sql import functions as F

    return bars.withColumn("sequence", whole_number(sequence, beside=F.col("revision"))).transform(
        conform, schema=GOLD_BARS_1M_LOG.schema
    )


def _is_one_of(sources: list[str], over: set[tuple[str, date]]) -> "Column":
    from pyspark.sql import functions as F

    ended = F.lit(False)
    for mic, day in sorted(over):
        ended = ended | ((F.col("mic") == mic) & (F.col("session") == F.lit(day)))
    return F.col("source").isin(sources) & ended
