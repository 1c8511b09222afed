"""Daily history as it was known at a moment: silver's versions that held, and what the jobs make of such."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake import read
from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.history_tables import SILVER_ACTIONS, SILVER_BARS_1D
from jobs.lake.settings import Settings
from jobs.lake.tables import Table
from transforms.adjust import adjust_bars
from transforms.as_of import ACTION, BAR, Thing, count_known, held_at, know_as_it_happened, know_as_told
from transforms.indicators import BASIS, REVISION, indicators_of
from transforms.serving import serve_actions, serve_daily, suspect_actions, suspect_bars

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

FROM = (SILVER_BARS_1D, SILVER_ACTIONS)


class Question(NamedTuple):
    """What is asked: a moment, the instruments, None for all, and whether what was told first was known at once."""

    moment: datetime
    instruments: tuple[str, ...] | None = None
    assume_close: bool = False


@dataclass
class Known:
    """What was known, of silver's versions `bars` and `actions`; each frame is worked out when it is used."""

    bars: "DataFrame"
    actions: "DataFrame"
    configuration: Configuration
    question: Question

    def held(self, thing: Thing) -> "DataFrame":
        return self._versions(thing).transform(held_at, moment=self._moment, thing=thing)

    def late(self, thing: Thing) -> "DataFrame":
        """Of each instrument how much was known only after the moment, and when (see `count_known`)."""
        return self._versions(thing).transform(count_known, moment=self._moment, thing=thing)

    @cached_property
    def served_bars(self) -> "DataFrame":
        served = self.held(BAR).transform(serve_daily, units=self.configuration.units)
        return served.transform(suspect_bars, actions=self._actions)

    @cached_property
    def served_actions(self) -> "DataFrame":
        return self._actions.transform(suspect_actions, bars=self.served_bars)

    @cached_property
    def adjusted_bars(self) -> "DataFrame":
        return self.served_bars.transform(adjust_bars, actions=self._actions)

    @cached_property
    def indicators(self) -> "DataFrame":
        from pyspark.sql import functions as F

        bars = self.adjusted_bars.where(f"basis = '{BASIS}'")
        # none of these rows has ever changed: it is of one moment
        return bars.transform(indicators_of).withColumn(REVISION, F.lit(0))

    @cached_property
    def _actions(self) -> "DataFrame":
        return self.held(ACTION).transform(serve_actions, units=self.configuration.units)

    @property
    def _moment(self) -> "Column":
        from pyspark.sql import functions as F

        return F.lit(self.question.moment)

    def _versions(self, thing: Thing) -> "DataFrame":
        from pyspark.sql import functions as F

        versions = self.bars if thing is BAR else self.actions
        if self.question.instruments is not None:
            versions = versions.where(F.col("instrument_id").isin(*self.question.instruments))
        if not self.question.assume_close:
            return versions.transform(know_as_told)
        facts = {"listings": self.configuration.listings, "sessions": self.configuration.sessions}
        return versions.transform(know_as_it_happened, thing=thing, **facts)


# the tables that have a time of knowledge
KNOWN: dict[str, Callable[[Known], "DataFrame"]] = {
    "silver.bars_1d": lambda known: known.held(BAR),
    "silver.actions": lambda known: known.held(ACTION),
    "gold.bars_1d": lambda known: known.served_bars,
    "gold.actions": lambda known: known.served_actions,
    "gold.adjusted_bars_1d": lambda known: known.adjusted_bars,
    "gold.indicators_1d": lambda known: known.indicators,
}
# those that are worked out from all of an instrument's past: asked for some instruments only
OF_SOME = ("gold.adjusted_bars_1d", "gold.indicators_1d")
# beside them, what the lake was told only later
LATE: dict[str, Callable[[Known], "DataFrame"]] = {
    "late.bars_1d": lambda known: known.late(BAR),
    "late.actions": lambda known: known.late(ACTION),
}


def read_known(
    spark: "SparkSession", settings: Settings, question: Question, *, versions: Mapping[str, int]
) -> Known:
    """What was known, of silver's tables at these versions; a table without one does not exist."""

    def versions_of(table: Table) -> "DataFrame":
        if table.name not in versions:
            return spark.createDataFrame([], table.schema)
        return read.table(spark, table, settings, version=versions[table.name])

    bars, actions = map(versions_of, FROM)
    return Known(bars, actions, Configuration(spark, settings, read_facts(settings)), question)
