"""Which exchanges are open, and what is expected now: by calendars alone, no service is asked."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tapehouse.judgement import OF_DAGS
from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.settings import Settings


class MarketPart:
    def __init__(self, settings: "Settings") -> None:
        self._settings = settings

    def look(self, *, now: datetime | None = None) -> list[Sample]:
        from jobs.lake.arguments import FOLLOWED_SOURCES
        from jobs.lake.instruments import read_instruments
        from jobs.lake.trading_hours import expected_on
        from tapehouse.exchange_hours import is_open

        now = now or datetime.now(UTC)
        instruments = read_instruments(self._settings.instruments)
        calendars = sorted({OF_DAGS, *instruments.calendars})
        found = [Sample("tapehouse_market_open", float(is_open(name, now)), (name,)) for name in calendars]
        followed = expected_on(now.date(), instruments, datasets={"stream"})
        for source in FOLLOWED_SOURCES:
            of_source = {one.calendar for one in followed if one.source == source}
            expected = any(is_open(calendar, now) for calendar in of_source)
            found.append(Sample("tapehouse_source_expected", float(expected), (source,)))
        return found
