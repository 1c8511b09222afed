"""What a message is resolved by: the instruments file and the exchange calendars, looked at again between batches."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from jobs.lake.errors import InstrumentsError
from jobs.lake.instruments import Instruments, read_instruments
from jobs.lake.sessions import Session, sessions_for
from jobs.lake.settings import Settings
from transforms.bars import Unit
from transforms.schemas import EXCHANGE_SESSIONS, INSTRUMENT_LISTINGS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

log = structlog.get_logger()


class Facts(NamedTuple):
    """The instruments, every session of their calendars, and what would make them old: another file, another day."""

    instruments: Instruments
    sessions: list[Session]
    read_at: tuple[int | None, date]


def read_facts(settings: Settings) -> Facts:
    """Read the file and the calendars, which takes seconds the first time."""
    read_at = _now(settings.instruments)
    instruments = read_instruments(settings.instruments)
    return Facts(instruments, sessions_for(instruments.calendars), read_at)


class Configuration:
    """The facts as frames of one Spark session."""

    listings: "DataFrame"
    sessions: "DataFrame"

    def __init__(self, spark: "SparkSession", settings: Settings, facts: Facts) -> None:
        self._spark, self._file = spark, settings.instruments
        self._take(facts)

    @property
    def units(self) -> list[Unit]:
        return [Unit(*unit) for unit in self._facts.instruments.units]

    @property
    def calendars(self) -> list[tuple[str, str]]:
        """The calendar of each venue: (mic, calendar)."""
        return sorted({(listing.mic, listing.calendar) for listing in self._facts.instruments.listings})

    def refresh(self) -> None:
        """Take in a file that changed, and the sessions of a new day.

        A file that is wrong is logged and changes nothing: what was known goes on until the file is right again.
        """
        read_at = _now(self._file)
        if read_at == self._facts.read_at:
            return
        instruments = self._facts.instruments
        try:
            instruments = read_instruments(self._file)
        except InstrumentsError as error:
            log.error("instruments_refused", what=error.what, found=error.found, remedy=error.remedy)
        else:
            log.info("instruments_read", file=str(self._file), listings=len(instruments.listings))
        self._take(Facts(instruments, sessions_for(instruments.calendars), read_at))

    def _take(self, facts: Facts) -> None:
        self._facts = facts
        self.listings = _small_frame(self._spark, facts.instruments.listings, INSTRUMENT_LISTINGS)
        self.sessions = _small_frame(self._spark, facts.sessions, EXCHANGE_SESSIONS)


def _now(file: Path) -> tuple[int | None, date]:
    try:
        changed = file.stat().st_mtime_ns
    except OSError:
        changed = None  # reading it will say why
    return changed, datetime.now(UTC).date()


def _small_frame(spark: "SparkSession", rows: Sequence[NamedTuple], schema: "StructType") -> "DataFrame":
    """A few thousand rows of configuration, as data of the plan: nothing is read or unpickled in a batch."""
    import pyarrow

    columns = {name: [getattr(row, name) for row in rows] for name in schema.names}
    return spark.createDataFrame(pyarrow.table(columns), schema)
