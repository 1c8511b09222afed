"""When a DAG of exchange sessions runs: a run's `partition_key` is the session, an ISO date such as 2026-11-27."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import pendulum
from airflow.exceptions import InvalidPartitionKeyError
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.utils.types import DagRunType

OLDEST = "2000-01-01"
HOUR = timedelta(hours=1)


@cache
def calendar_of(name: str) -> Any:
    """An exchange's calendar, from 2000 to a year from now."""
    import exchange_calendars  # 0.7 s, which every process that reads a DAG would wait for

    return exchange_calendars.get_calendar(name, start=OLDEST)


class SessionTimetableError(ValueError):
    """A DAG is declared in a way that no session can be told from."""


class SessionTimetable(Timetable):
    """Runs of each session of an exchange; a backfill makes one run of each, at its last time."""

    partitioned = True

    def __init__(self, calendar: str = "XNYS") -> None:
        self.calendar = calendar

    def times(self, session: date) -> list[pendulum.DateTime]:
        """When the session's runs are due, in order."""
        raise NotImplementedError

    def serialize(self) -> dict[str, Any]:
        return {"calendar": self.calendar}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        return cls(**data)

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The run after the last one, but without catchup none that is older than the newest due."""
        if last_dagrun_info is not None and last_dagrun_info.partition_key is not None:
            info = self._after(last_dagrun_info.partition_key, last_dagrun_info.run_after)
        elif restriction.earliest is not None:
            info = self._first_from(restriction.earliest)
        else:
            raise SessionTimetableError(
                "a DAG of sessions has no first one; found start_date None; remedy: give the DAG a start_date"
            )
        newest = None if restriction.catchup else self._newest(pendulum.now("UTC"))
        if info is not None and newest is not None:
            info = max(info, newest)
        if info is None or (restriction.latest is not None and info.run_after > restriction.latest):
            return None
        return info

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterable[DagRunInfo]:
        """One run for each session of a backfill's days, both ends among them."""
        for session in self._sessions(earliest.date(), latest.date()):
            yield self._info(session, self.times(session)[-1])

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """What a run of no session covers: `airflow dags test` asks for it."""
        return DataInterval.exact(run_after)

    def generate_run_id(
        self,
        *,
        run_type: DagRunType,
        run_after: pendulum.DateTime,
        data_interval: DataInterval | None,  # ruff: ignore[unused-method-argument] - a session has none
        **extra: Any,
    ) -> str:
        """The session stands in the run's id; as a session may run again, so does chance."""
        parts = [extra.get("partition_key"), run_after.isoformat(), secrets.token_hex(3)]
        return run_type.generate_run_id(suffix="__".join(part for part in parts if part))

    def _decode_partition_date(self, partition_key: str) -> datetime:
        """Refuse a key that is not a session."""
        try:
            session = date.fromisoformat(partition_key)
        except ValueError:
            session = None
        if session is None or session.isoformat() != partition_key:
            raise InvalidPartitionKeyError(
                f"the partition key is not a day; found {partition_key!r}; remedy: give an ISO date, as 2026-11-27"
            )
        if list(self._sessions(session, session)) != [session]:
            raise InvalidPartitionKeyError(
                f"the partition key is not a session of {self.calendar}; found {partition_key}; "
                "remedy: give a day on which the exchange was open"
            )
        return _midnight(session)

    def _info(self, session: date, run_after: pendulum.DateTime) -> DagRunInfo:
        return DagRunInfo(run_after, None, _midnight(session), session.isoformat())

    def _sessions(self, first: date, last: date) -> Iterator[date]:
        calendar = calendar_of(self.calendar)
        first, last = max(first, calendar.first_session.date()), min(last, calendar.last_session.date())
        if first <= last:
            yield from (label.date() for label in calendar.sessions_in_range(first, last))

    def _infos(self, first: date) -> Iterator[DagRunInfo]:
        for session in self._sessions(first, date.max):
            yield from (self._info(session, time) for time in self.times(session))

    def _after(self, partition_key: str, run_after: datetime) -> DagRunInfo | None:
        """The first time after a run, of its session or of one that follows."""
        infos = self._infos(date.fromisoformat(partition_key))
        return next((info for info in infos if info.run_after > run_after), None)

    def _first_from(self, earliest: datetime) -> DagRunInfo | None:
        infos = self._infos(earliest.date() - timedelta(days=1))
        return next((info for info in infos if info.run_after >= earliest), None)

    def _newest(self, now: datetime) -> DagRunInfo | None:
        """The newest time that is not in the future; no exchange is closed for a month."""
        infos = self._infos(now.date() - timedelta(days=31))
        due = None
        for info in infos:
            if info.run_after > now:
                return due
            due = info
        return due


class AfterClose(SessionTimetable):
    """One run for each session, 4 h 30 min after its close: its last post-market minute is final."""

    delay = timedelta(hours=4, minutes=30)
    description = "One run for each session of the exchange, when its last post-market minute is final"

    @property
    def summary(self) -> str:
        return f"{self.calendar} close + 4 h 30 min"

    def times(self, session: date) -> list[pendulum.DateTime]:
        return [_instant(calendar_of(self.calendar).session_close(session.isoformat())) + self.delay]


class WhileOpen(SessionTimetable):
    """Every hour while the exchange is open, and once more an hour after its close."""

    description = "Every hour from the exchange's open to its close, and once an hour after the close"

    @property
    def summary(self) -> str:
        return f"{self.calendar} open + 1 h, + 2 h, ..., close + 1 h"

    def times(self, session: date) -> list[pendulum.DateTime]:
        calendar, label = calendar_of(self.calendar), session.isoformat()
        time, close = _instant(calendar.session_open(label)) + HOUR, _instant(calendar.session_close(label))
        times = []
        while time < close:
            times.append(time)
            time += HOUR
        return [*times, close + HOUR]


class SessionTimetables(AirflowPlugin):
    """What Airflow is told of: a timetable that no plugin names is refused."""

    name = "tapehouse_session_timetables"
    timetables = [AfterClose, WhileOpen]  # ruff: ignore[mutable-class-default] - as Airflow declares it


def _midnight(session: date) -> pendulum.DateTime:
    return pendulum.datetime(session.year, session.month, session.day)


def _instant(stamp: Any) -> pendulum.DateTime:
    return pendulum.instance(stamp.to_pydatetime())
