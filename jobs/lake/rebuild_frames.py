"""What the tables hold of one session, and what bronze says that they must hold."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from jobs.lake import read
from jobs.lake.configuration import Configuration
from jobs.lake.kept import keep, release
from jobs.lake.settings import Settings
from jobs.lake.tables import (
    BRONZE_QUOTES,
    GOLD_BARS_1M,
    GOLD_BARS_1M_LOG,
    SILVER_QUOTES,
    SILVER_REJECTED,
    Table,
)
from transforms.messages import COORDINATES
from transforms.quotes import check_messages, keep_rejected, refine_quotes
from transforms.rebuilds import (
    UNTOUCHED,
    aggregate_sessions,
    compare_rows,
    keep_one_each,
    revise_sessions,
    with_days,
)
from transforms.revisions import newest_bars, past_watermark
from transforms.schemas import conform

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Difference(NamedTuple):
    """Rows of `table` with what is to be done with each."""

    table: Table
    rows: "DataFrame"


class SessionFrames:
    """The differences of one session; `release` lets go of what is kept in memory for them.

    `kafka_dates` are those on which messages came that are of the session, or were taken to be.
    """

    def __init__(
        self,
        spark: "SparkSession",
        settings: Settings,
        configuration: Configuration,
        day: date,
        *,
        kafka_dates: Iterable[date],
    ) -> None:
        self._spark, self._settings, self._configuration = spark, settings, configuration
        self._day, self._kafka_dates = day, set(kafka_dates)
        self._kept: list[DataFrame] = []

    def rejected(self) -> Difference:
        """Its rejected messages, those that silver.quotes still holds in it among them: they are about to leave it."""
        from pyspark.sql import functions as F

        dates = sorted({*self._kafka_dates, self._day})
        bronze, stored = (
            self._table(table).where(F.col("kafka_date").isin(dates))
            for table in (BRONZE_QUOTES, SILVER_REJECTED)
        )
        messages = (
            judge(bronze, self._configuration)
            .transform(with_days, quotes=self._of_session(SILVER_QUOTES))
            .where((F.col("day") == self._day) | (F.col("was_of") == self._day))
        )
        # of most messages no more than the coordinates is needed, and kept
        content = {
            name: F.when(F.size("violations") > 0, F.col(name)) for name in ("key", "value", "headers")
        }
        judged = self._keep(messages.withColumns(content).transform(conform, schema=SILVER_REJECTED.schema))
        known = stored.join(judged, on=list(COORDINATES), how="left_semi")
        strangers = stored.where(F.col("kafka_date") == self._day).join(
            bronze, on=list(COORDINATES), how="left_anti"
        )
        return _compare(SILVER_REJECTED, known.unionByName(strangers), keep_rejected(judged))

    def quotes(self) -> Difference:
        return _compare(SILVER_QUOTES, self._of_session(SILVER_QUOTES), self._quotes)

    def bars(self, *, final_before: Mapping[str, datetime]) -> list[Difference]:
        """Of the log first, if a row of it would hide what gold.bars_1m holds in the end: it holds them all itself."""
        stored, log = self._of_session(GOLD_BARS_1M), self._of_session(GOLD_BARS_1M_LOG)
        wanted = self._keep(
            revise_sessions(self.bars_again(), stored=stored, passed=past_watermark(final_before))
        )
        differences = [_compare(GOLD_BARS_1M, stored, wanted)]
        if not log.isEmpty():
            as_read = _compare(GOLD_BARS_1M, stored.transform(newest_bars, log=log), wanted)
            if not as_read.rows.where(f"change <> '{UNTOUCHED}'").isEmpty():
                differences.insert(0, _compare(GOLD_BARS_1M_LOG, log, log.limit(0)))
        return differences

    def bars_again(self) -> "DataFrame":
        """The bars of the session as they follow from bronze."""
        return self._keep(aggregate_sessions(self._quotes, units=self._configuration.units))

    def release(self) -> None:
        for frame in self._kept:
            release(frame)

    @cached_property
    def _quotes(self) -> "DataFrame":
        """The accepted quotes of the session, each once."""
        from pyspark.sql import functions as F

        messages = self._table(BRONZE_QUOTES).where(F.col("kafka_date").isin(sorted(self._kafka_dates)))
        accepted = judge(messages, self._configuration).transform(refine_quotes)
        of_session = accepted.where(F.col("session") == self._day)
        return self._keep(of_session.transform(keep_one_each, stored=self._of_session(SILVER_QUOTES)))

    def _of_session(self, table: Table) -> "DataFrame":
        from pyspark.sql import functions as F

        return self._table(table).where(F.col("session") == self._day)

    def _table(self, table: Table) -> "DataFrame":
        return read.table(self._spark, table, self._settings)

    def _keep(self, frame: "DataFrame") -> "DataFrame":
        self._kept.append(keep(frame))
        return self._kept[-1]


def judge(messages: "DataFrame", configuration: Configuration) -> "DataFrame":
    """Check messages of bronze as the stream would today."""
    known = {"instruments": configuration.listings, "sessions": configuration.sessions}
    return messages.transform(check_messages, **known)


def _compare(table: Table, stored: "DataFrame", wanted: "DataFrame") -> Difference:
    key = (table.partition, *table.key)
    return Difference(table, stored.transform(compare_rows, wanted=wanted, key=key))
