"""History of one symbol from one vendor: how a range is cut into fetches, and what a fetch gives."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from producers.alpha_vantage import AlphaVantage, Answer
from producers.chart_tables import render_actions, render_bars, unknown_columns, unknown_events
from producers.errors import ProducerError, UnreadableError
from producers.raw_store import Fetched, Range
from producers.series_tables import labels_of, render_series, unknown_fields
from producers.strangers import spell_strangers
from producers.yahoo_history import YahooHistory

DAILY, MINUTES, ACTIONS = "bars_1d", "bars_1m", "actions"
# Yahoo gives minutes of at most so many days at once, and of no earlier ones
MINUTE_DAYS, MINUTES_KEPT = timedelta(days=7), timedelta(days=29)
# the vendor's short answer; more rows may not be had with every key
COMPACT_ROWS = 100
# the fact of a fetch that names what its body holds beside what is known
UNKNOWN_FIELDS = "unknown_fields"
Result = TypeVar("Result")


class Vendor(Protocol):
    """One vendor's history."""

    source: str

    def datasets(self, interval: str) -> tuple[str, ...]:
        """What is fetched for an interval, in this order."""

    def pieces(self, asked: Range, *, today: date) -> list[Range]:
        """The fetches that a range takes; an error where the vendor does not have it."""

    def fetch(self, asked: Range) -> Fetched: ...


class Yahoo:
    """Split-adjusted bars, and with every fetch of them all actions from its first day to this moment."""

    source = "yahoo"

    def __init__(self, client: YahooHistory, *, clock: Callable[[], datetime]) -> None:
        self._client, self._clock = client, clock

    def datasets(self, interval: str) -> tuple[str, ...]:
        return (ACTIONS, {"1d": DAILY, "1m": MINUTES}[interval])

    def pieces(self, asked: Range, *, today: date) -> list[Range]:
        if asked.dataset != MINUTES:
            return [asked]
        if asked.begin < today - MINUTES_KEPT:
            raise ProducerError(
                f"Yahoo has minutes of the last {MINUTES_KEPT.days} days only",
                found=f"--from {asked.begin}",
                remedy=f"write --from {today - MINUTES_KEPT}, or later",
            )
        return list(_cut(asked, MINUTE_DAYS))

    def fetch(self, asked: Range) -> Fetched:
        begin = _midnight(asked.begin, asked.zone)
        if asked.dataset == ACTIONS:
            # a later split rewrites the past: all of them, whatever the range of the bars
            end = self._clock()
            chart = self._client.chart(asked.vendor_symbol, interval="3mo", begin=begin, end=end)
            table, rows = _rendered(lambda: render_actions(chart.body))
            unknown = _named(lambda: unknown_events(chart.body))
            at = self._clock()
            covers = (asked.begin, _day_of(end, asked))
            return Fetched(chart.body, table, rows, chart.request, at, covers, unknown)
        interval = "1d" if asked.dataset == DAILY else "1m"
        chart = self._client.chart(
            asked.vendor_symbol, interval=interval, begin=begin, end=_midnight(asked.end, asked.zone)
        )
        at = self._clock()
        table, rows = _rendered(lambda: render_bars(chart.body, fetched_at=at))
        covers = (asked.begin, min(asked.end, _day_of(at, asked)))
        facts = {"basis": "split_adjusted", "labels": "start", "time_zone": "UTC"}
        facts |= _named(lambda: unknown_columns(chart.body))
        return Fetched(chart.body, table, rows, chart.request, at, covers, facts)


class AlphaVantageHistory:
    """Bars raw as traded; its adjusted ones and its actions are not for every key, and not needed."""

    source = "alpha_vantage"

    def __init__(self, client: AlphaVantage, *, clock: Callable[[], datetime]) -> None:
        self._client, self._clock = client, clock

    def datasets(self, interval: str) -> tuple[str, ...]:
        return ({"1d": DAILY, "1m": MINUTES}[interval],)

    def pieces(self, asked: Range, *, today: date) -> list[Range]:
        del today  # it has all of the past
        return [asked] if asked.dataset == DAILY else list(_months(asked))

    def fetch(self, asked: Range) -> Fetched:
        symbol = asked.vendor_symbol
        if asked.dataset == DAILY:
            # 100 sessions are at least 140 days
            whole = self._clock().date() - asked.begin > timedelta(days=COMPACT_ROWS * 7 // 5)
            answer = self._client.daily(symbol, whole=whole)
            request = f"TIME_SERIES_DAILY {symbol} {'full' if whole else 'compact'}"
        else:
            month = f"{asked.begin:%Y-%m}"
            answer = self._client.minutes(symbol, month=month)
            request = f"TIME_SERIES_INTRADAY {symbol} 1min {month}"
        at = self._clock()
        table, rows = _rendered(lambda: render_series(answer.data))
        facts = {"basis": "raw", "labels": labels_of(answer.data), "time_zone": _zone(answer)}
        facts |= _named(lambda: unknown_fields(answer.data))
        return Fetched(answer.body, table, rows, request, at, _covered(asked, answer, at), facts)


def _covered(asked: Range, answer: Answer, at: datetime) -> tuple[date, date]:
    """From the oldest day that it tells, if that is later than what was asked for."""
    oldest = min(date.fromisoformat(stamp[:10]) for stamp in answer.data)
    begin = asked.begin if asked.dataset == MINUTES else max(asked.begin, oldest)
    return begin, min(asked.end, _day_of(at, asked))


def _zone(answer: Answer) -> str:
    return next(
        (str(value) for name, value in answer.meta.items() if name.endswith("Time Zone")), "US/Eastern"
    )


def _named(unknown: Callable[[], list[str]]) -> dict[str, str]:
    """The fact that an answer held fields that nobody knew of."""
    names = spell_strangers(_rendered(unknown))
    return {UNKNOWN_FIELDS: ",".join(names)} if names else {}


def _rendered(render: Callable[[], Result]) -> Result:
    try:
        return render()
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise UnreadableError(
            "the vendor's answer does not hold what it should",
            found=repr(error),
            remedy="look at it: the vendor may have changed its form",
        ) from error


def _cut(asked: Range, width: timedelta) -> Iterator[Range]:
    begin = asked.begin
    while begin < asked.end:
        end = min(asked.end, begin + width)
        yield replace(asked, begin=begin, end=end)
        begin = end


def _months(asked: Range) -> Iterator[Range]:
    """Whole months: the vendor gives no part of one."""
    begin = asked.begin.replace(day=1)
    while begin < asked.end:
        end = (begin + timedelta(days=32)).replace(day=1)
        yield replace(asked, begin=begin, end=end)
        begin = end


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def _day_of(moment: datetime, asked: Range) -> date:
    """The day that is not over at a moment, where the instrument is traded."""
    return moment.astimezone(ZoneInfo(asked.zone)).date()
