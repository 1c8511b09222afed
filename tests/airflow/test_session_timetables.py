"""The timetables against the exchange's own calendar of a year with half days, holidays and both clock changes."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import exchange_calendars
import pendulum
import pytest
from airflow.exceptions import InvalidPartitionKeyError
from airflow.timetables.base import DagRunInfo, TimeRestriction
from airflow.utils.types import DagRunType
from session_timetables import AfterClose, SessionTimetable, SessionTimetableError, WhileOpen

YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
HALF_DAYS = {"2026-11-27", "2026-12-24"}
NEW_YORK = "America/New_York"
Next = Callable[[str, SessionTimetable, DagRunInfo | None], DagRunInfo]
SINCE_2000 = TimeRestriction(pendulum.datetime(2000, 1, 1), None, catchup=False)


def local_times(timetable: SessionTimetable, session: str) -> list[str]:
    return [
        time.in_timezone(NEW_YORK).format("HH:mm") for time in timetable.times(date.fromisoformat(session))
    ]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Next:
    """The next run after `last`, asked for at a moment."""

    def next_run(moment: str, timetable: SessionTimetable, last: DagRunInfo | None) -> DagRunInfo:
        monkeypatch.setattr("session_timetables.pendulum.now", lambda zone: pendulum.parse(moment))
        info = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=SINCE_2000)
        assert info is not None
        return info

    return next_run


def test_a_backfill_of_a_year_is_its_sessions_one_run_each() -> None:
    calendar = exchange_calendars.get_calendar("XNYS")
    sessions = [label.date().isoformat() for label in calendar.sessions_in_range("2026-01-01", "2026-12-31")]
    assert len(sessions) == 251
    for timetable in (AfterClose(), WhileOpen()):
        infos = timetable.iter_partition_dagrun_infos(earliest=YEAR[0], latest=YEAR[1])
        assert [info.partition_key for info in infos] == sessions


def test_every_session_is_closed_at_half_past_eight_and_half_days_three_hours_before() -> None:
    for info in AfterClose().iter_partition_dagrun_infos(earliest=YEAR[0], latest=YEAR[1]):
        expected = "17:30" if info.partition_key in HALF_DAYS else "20:30"
        assert (
            info.run_after.in_timezone(NEW_YORK).format("YYYY-MM-DD HH:mm")
            == f"{info.partition_key} {expected}"
        )
        assert info.partition_date.format("YYYY-MM-DD HH:mm") == f"{info.partition_key} 00:00"


@pytest.mark.parametrize(
    ("session", "utc"),
    [
        ("2026-03-06", "2026-03-07T01:30:00+00:00"),
        ("2026-03-09", "2026-03-10T00:30:00+00:00"),
        ("2026-10-30", "2026-10-31T00:30:00+00:00"),
        ("2026-11-02", "2026-11-03T01:30:00+00:00"),
    ],
)
def test_the_clocks_of_new_york_count_not_those_of_greenwich(session: str, utc: str) -> None:
    assert [time.isoformat() for time in AfterClose().times(date.fromisoformat(session))] == [utc]


def test_a_session_has_a_run_an_hour_until_an_hour_after_its_close() -> None:
    whole = ["10:30", "11:30", "12:30", "13:30", "14:30", "15:30", "17:00"]
    half = ["10:30", "11:30", "12:30", "14:00"]
    for info in WhileOpen().iter_partition_dagrun_infos(earliest=YEAR[0], latest=YEAR[1]):
        expected = half if info.partition_key in HALF_DAYS else whole
        assert local_times(WhileOpen(), info.partition_key) == expected
        assert info.run_after.in_timezone(NEW_YORK).format("HH:mm") == expected[-1]


def test_the_first_run_of_all_is_the_newest_that_is_due(at: Next) -> None:
    info = at("2026-11-28T12:00:00Z", AfterClose(), None)
    assert (info.partition_key, info.run_after.isoformat()) == ("2026-11-27", "2026-11-27T22:30:00+00:00")
    assert at("2026-11-27T22:29:59Z", AfterClose(), None).partition_key == "2026-11-25"
    assert at("2026-11-27T22:30:00Z", AfterClose(), None).partition_key == "2026-11-27"


def test_the_next_run_skips_the_holiday_and_what_was_missed(at: Next) -> None:
    wednesday = at("2026-11-26T12:00:00Z", AfterClose(), None)
    assert at("2026-11-26T12:00:00Z", AfterClose(), wednesday).partition_key == "2026-11-27"
    assert at("2026-12-03T12:00:00Z", AfterClose(), wednesday).partition_key == "2026-12-02"


def test_the_hours_of_a_session_follow_one_another_into_the_next(at: Next) -> None:
    info, seen = at("2026-11-27T15:30:00Z", WhileOpen(), None), []
    for _ in range(5):
        seen.append(f"{info.partition_key} {info.run_after.format('HH:mm')}")
        info = at("2026-11-27T15:30:00Z", WhileOpen(), info)
    assert seen == [
        "2026-11-27 15:30",
        "2026-11-27 16:30",
        "2026-11-27 17:30",
        "2026-11-27 19:00",
        "2026-11-30 15:30",
    ]


def test_with_catchup_no_session_is_left_out() -> None:
    restriction = TimeRestriction(
        pendulum.datetime(2026, 11, 24), pendulum.datetime(2026, 11, 28), catchup=True
    )
    info, seen = None, []
    while (
        info := AfterClose().next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
    ) is not None:
        seen.append(info.partition_key)
    assert seen == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-27"]


def test_a_dag_without_a_start_is_refused() -> None:
    with pytest.raises(SessionTimetableError, match="found start_date None"):
        AfterClose().next_dagrun_info_v2(
            last_dagrun_info=None, restriction=TimeRestriction(None, None, catchup=False)
        )


@pytest.mark.parametrize(
    "key", ["", "today", "20261127", "2026-W48-5", "2026-11-27T00:00:00", "27.11.2026", "None"]
)
def test_a_key_that_is_no_iso_date_is_refused(key: str) -> None:
    with pytest.raises(InvalidPartitionKeyError, match="not a day"):
        WhileOpen().resolve_partition_date(key)


@pytest.mark.parametrize("key", ["2026-11-26", "2026-11-28", "2026-12-25", "1999-12-31", "2099-01-05"])
def test_a_key_that_is_no_session_is_refused(key: str) -> None:
    with pytest.raises(InvalidPartitionKeyError, match="not a session of XNYS"):
        AfterClose().resolve_partition_date(key)


def test_a_session_is_told_from_its_key_and_stands_in_the_id_of_its_runs() -> None:
    assert AfterClose().resolve_partition_date("2026-11-27") == datetime(2026, 11, 27, tzinfo=UTC)
    ids = {
        AfterClose().generate_run_id(
            run_type=DagRunType.BACKFILL_JOB,
            run_after=pendulum.datetime(2026, 11, 27, 22, 30),
            data_interval=None,
            partition_key="2026-11-27",
        )
        for _ in range(2)
    }
    assert len(ids) == 2
    assert all(run_id.startswith("backfill__2026-11-27__2026-11-27T22:30:00+00:00__") for run_id in ids)


def test_a_timetable_comes_back_as_it_was_written_down() -> None:
    for timetable in (AfterClose("XLON"), WhileOpen("XLON")):
        again = type(timetable).deserialize(timetable.serialize())
        assert (type(again), again.calendar) == (type(timetable), "XLON")
        assert "XLON" in again.summary
