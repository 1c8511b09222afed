"""Which regular minutes of a session the stream has no complete bar of, by the newest bars of gold.bars_1m."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from jobs.lake.errors import NoDataError
from jobs.lake.trading_hours import hours_of
from tapehouse.delta import LOG, MERGED, NEWEST_BARS, connect, open_table

if TYPE_CHECKING:
    from jobs.lake.settings import Settings
    from tapehouse.session_plan import Part

MINUTE = timedelta(minutes=1)


def without_complete_bars(
    settings: "Settings", parts: Sequence["Part"], *, source: str, now: datetime
) -> set[str]:
    """The instruments that miss a regular minute that is over."""
    if not parts:
        return set()
    there = _complete_bars(settings, source=source, session=parts[0].session)
    return {
        part.listing.instrument_id
        for part in parts
        if any((part.listing.instrument_id, minute) not in there for minute in _minutes(part, now))
    }


def _complete_bars(settings: "Settings", *, source: str, session: date) -> set[tuple[str, datetime]]:
    """Instrument and minute of the bars of a source whose volume is complete; none in a lake without a stream."""
    connection = connect()
    try:
        for table in (MERGED, LOG):
            connection.register(table.replace(".", "_"), open_table(table, settings).to_pyarrow_dataset())
    except NoDataError:
        return set()
    of_session = "(SELECT * FROM {} WHERE session = $session AND source = $source)"
    newest = NEWEST_BARS.format(
        merged=of_session.format("gold_bars_1m"), log=of_session.format("gold_bars_1m_log")
    )
    rows = connection.execute(
        f"SELECT instrument_id, bar_start FROM ({newest}) WHERE volume_is_complete",
        {"session": session, "source": source},
    ).fetchall()
    return {(str(instrument), bar_start.astimezone(UTC)) for instrument, bar_start in rows}


def _minutes(part: "Part", now: datetime) -> Iterable[datetime]:
    """The regular minutes of the session that are over."""
    ever = datetime.max.replace(tzinfo=UTC)
    for hours in hours_of([part.listing.calendar], first=part.session, last=part.after, over_by=ever):
        minute = hours.opens
        while minute + MINUTE <= min(hours.closes, now):
            yield minute
            minute += MINUTE
