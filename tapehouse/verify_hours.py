"""A second opinion on when quotes may come, by exchange_calendars, without the pipeline's code."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

ALWAYS_OPEN, OLDEST = "24/7", date(2000, 1, 1)
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# a quote may be so much ahead of Kafka's time
AHEAD_US = 60_000_000


class Hours:
    """When quotes of a symbol may come, by exchange_calendars.

    The calendar is the one that the instruments file names for the symbol and the day; where the file says nothing of
    it any more, that of the venue with which silver recorded it: `recorded` holds (source, vendor_symbol, mic).
    """

    def __init__(self, instruments: Path, recorded: Iterable[tuple[str, str, str]] = ()) -> None:
        import yaml

        self._listings: dict[tuple[str, str], list[tuple[date, date, str]]] = defaultdict(list)
        for entry in yaml.safe_load(instruments.read_text())["instruments"]:
            for span in entry["listings"]:
                during = span["from"], span.get("to", date.max), str(span.get("calendar", span["mic"]))
                for vendor, spelling in span["vendor_symbols"].items():
                    self._listings[vendor, str(spelling)].append(during)
        self._recorded = {(source, symbol): mic for source, symbol, mic in recorded}

    def find(self, source: str, symbol: str, event_time_us: int) -> tuple[date, str] | None:
        """Session and segment of a moment; None outside of every session, or for a symbol without a calendar."""
        moment = EPOCH + timedelta(microseconds=event_time_us)
        calendar = self._calendar_of(source, symbol, lambda zone: moment.astimezone(zone).date())
        if calendar is None:
            return None
        if calendar == ALWAYS_OPEN:
            return (moment.date(), "from_open") if moment.date() >= OLDEST else None
        opens, half_days, zone = _calendar(calendar)
        local = moment.astimezone(zone)
        end = time(17) if local.date() in half_days else time(20)
        if local.date() not in opens or not time(4) <= local.time() < end:
            return None
        return local.date(), "pre_open" if moment < opens[local.date()] else "from_open"

    def find_day(self, source: str, symbol: str, day: date, kafka_us: int) -> tuple[date, str] | None:
        """Session and segment of a quote that has only a day: None where that was no session, or had not begun."""
        calendar = self._calendar_of(source, symbol, lambda _: day)
        if calendar is None:
            return None
        if calendar == ALWAYS_OPEN:
            begin = datetime.combine(day, time(), UTC) if day >= OLDEST else None
        else:
            opens, _, zone = _calendar(calendar)
            begin = datetime.combine(day, time(4), zone) if day in opens else None
        if begin is None or (begin - EPOCH) // MICROSECOND > kafka_us + AHEAD_US:
            return None
        return day, "untimed"

    def _calendar_of(self, source: str, symbol: str, day_in: Callable[[tzinfo], date]) -> str | None:
        vendor = "alpha_vantage" if source == "alpha_vantage" else "yahoo"
        for first, end, calendar in self._listings.get((vendor, symbol), ()):
            zone = UTC if calendar == ALWAYS_OPEN else _calendar(calendar)[2]
            if first <= day_in(zone) < end:
                return calendar
        mic = self._recorded.get((source, symbol))
        return mic if mic is None or _is_calendar(mic) else ALWAYS_OPEN


@lru_cache
def _is_calendar(name: str) -> bool:
    import exchange_calendars

    return name in exchange_calendars.get_calendar_names()


@lru_cache
def _calendar(name: str) -> tuple[dict[date, datetime], set[date], ZoneInfo]:
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(name, start=str(OLDEST), end=date.today() + timedelta(365))
    opens = {label.date(): moment.to_pydatetime() for label, moment in calendar.opens.items()}
    return opens, {label.date() for label in calendar.early_closes}, ZoneInfo(str(calendar.tz))
