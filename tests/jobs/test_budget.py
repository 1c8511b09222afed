"""A source's budget, shared by processes through PostgreSQL; the clock is the test's."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from jobs.lake.budget import Budget
from jobs.lake.budget_plans import Plan, read_plans
from jobs.lake.errors import BudgetError, SettingsError
from jobs.lake.settings import read_settings
from producers.asking import TRIES, ask
from producers.errors import DayIsSpentError, OutageError, RefusedError, UnknownSymbolError
from tapehouse.paths import ROOT

NEW_YORK = ZoneInfo("America/New_York")


class Clock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 10, tzinfo=NEW_YORK).astimezone(UTC)
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def set(self, hour: int, minute: int = 0, *, day: int = 25) -> None:
        self.now = datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(services: object, clock: Clock) -> Iterator[Budget]:
    del services  # their environment is read
    plan = Plan(f"source-{uuid.uuid4().hex[:8]}", NEW_YORK, time(20), 0.0, {"daily": 3, "fill": 2, "live": 1})
    made = Budget(read_settings(), plan, clock=clock, sleep=clock.sleep)
    yield made
    made.close()


def take_all(budget: Budget, purpose: str) -> int:
    taken = 0
    while True:
        try:
            budget.take(purpose)
        except BudgetError:
            return taken
        taken += 1


def test_a_purpose_gets_its_share_and_in_the_evening_what_others_left(budget: Budget, clock: Clock) -> None:
    assert take_all(budget, "daily") == 3
    assert take_all(budget, "live") == 1
    with pytest.raises(BudgetError, match="no call left for daily") as spent:
        budget.take("daily")
    assert spent.value.until == datetime(2026, 11, 25, 20, tzinfo=NEW_YORK)
    clock.set(20)
    assert take_all(budget, "daily") == 2
    with pytest.raises(BudgetError) as over:
        budget.take("fill")
    assert over.value.until == datetime(2026, 11, 26, 0, tzinfo=NEW_YORK)
    clock.set(0, day=26)
    assert take_all(budget, "fill") == 2
    assert budget.standing().left == {"daily": 3, "fill": 0, "live": 1}


def test_a_day_ends_at_midnight_in_new_york_not_in_utc(budget: Budget, clock: Clock) -> None:
    clock.set(18, 59)
    assert take_all(budget, "daily") == 3
    clock.set(19, 1)  # the next day in UTC
    assert take_all(budget, "daily") == 0


def test_the_vendors_own_word_ends_the_day_at_once(budget: Budget, clock: Clock) -> None:
    budget.take("daily")
    budget.end_day("25 requests per day")
    with pytest.raises(BudgetError, match="25 requests per day"):
        budget.take("live")
    assert budget.standing().because == "25 requests per day"
    clock.set(0, day=26)
    budget.take("live")


def test_a_source_that_refuses_rests_longer_each_time_and_one_caller_tries_it(
    budget: Budget, clock: Clock
) -> None:
    budget.rest("HTTP 429")
    with pytest.raises(BudgetError, match="HTTP 429"):
        budget.take("daily")
    clock.sleep(60)
    budget.take("daily")  # the one that tries
    budget.rest("HTTP 429")
    clock.sleep(119)
    with pytest.raises(BudgetError):
        budget.take("daily")
    clock.sleep(1)
    budget.take("daily")
    budget.answered()
    budget.take("daily")
    assert budget.standing().rests_until is None


def test_the_one_that_tries_may_need_several_calls_and_only_its_answer_ends_the_rest(
    budget: Budget, clock: Clock
) -> None:
    other = Budget(read_settings(), budget.plan, clock=clock, sleep=clock.sleep)
    budget.rest("HTTP 429")
    other.answered()  # to what it had asked before
    with pytest.raises(BudgetError, match="HTTP 429"):
        other.take("daily")
    clock.sleep(60)
    budget.take("daily")
    budget.take("daily")
    with pytest.raises(BudgetError, match="being tried again"):
        other.take("daily")
    budget.answered()
    other.take("daily")
    other.close()


def test_a_call_belongs_to_the_day_on_which_it_goes_out(services: object, clock: Clock) -> None:
    del services  # their environment is read
    plan = Plan(f"source-{uuid.uuid4().hex[:8]}", NEW_YORK, time(20), 2.0, {"daily": 1})
    budget = Budget(read_settings(), plan, clock=clock, sleep=clock.sleep)
    clock.set(23, 59)
    clock.now += timedelta(seconds=59)
    budget.take("daily")
    budget.take("daily")  # goes out after midnight, and is of that day
    with pytest.raises(BudgetError):
        budget.take("daily")
    budget.close()


def test_a_caller_that_died_while_it_tried_keeps_the_others_out_for_two_minutes_only(
    budget: Budget, clock: Clock
) -> None:
    other = Budget(read_settings(), budget.plan, clock=clock, sleep=clock.sleep)
    budget.rest("HTTP 429")
    clock.sleep(60)
    budget.take("daily")
    clock.sleep(119)
    with pytest.raises(BudgetError, match="being tried again"):
        other.take("daily")
    clock.sleep(1)
    other.take("daily")
    other.close()


def test_calls_keep_their_distance_between_all_processes(services: object, clock: Clock) -> None:
    del services  # their environment is read
    plan = Plan(f"source-{uuid.uuid4().hex[:8]}", NEW_YORK, time(20), 1.5, {"daily": 10})
    both = [
        Budget(read_settings(), plan, clock=clock, sleep=lambda seconds: slept.append(seconds)) for _ in "ab"
    ]
    slept: list[float] = []
    for budget in (*both, *both):
        budget.take("daily")
        clock.now += timedelta(seconds=0.5)
    assert slept == [0.0, 1.0, 2.0, 3.0]
    for budget in both:
        budget.close()


def test_what_is_worth_another_try_gets_it_and_each_try_is_a_call(budget: Budget, clock: Clock) -> None:
    answers = iter([OutageError("away"), OutageError("away"), "an answer"])

    def call() -> str:
        budget.take("daily")
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert ask(call, calls=budget, sleep=clock.sleep) == "an answer"
    assert budget.standing().left["daily"] == 0


@pytest.mark.parametrize(
    ("error", "tries", "rests"),
    [
        (OutageError("away"), TRIES, None),
        (RefusedError("no", found="HTTP 429"), 1, timedelta(minutes=1)),
        (DayIsSpentError("no", found="25 a day"), 1, timedelta(hours=14)),
        (UnknownSymbolError("who"), 1, None),
    ],
)
def test_what_is_not_leaves_the_source_alone(
    budget: Budget, clock: Clock, error: Exception, tries: int, rests: timedelta | None
) -> None:
    made = []

    def call() -> None:
        made.append(1)
        raise error

    with pytest.raises(type(error)):
        ask(call, calls=budget, sleep=lambda _: None)
    assert len(made) == tries
    until = budget.standing().rests_until
    assert (until - clock.now if until else None) == rests


def test_the_plans_of_the_project_are_read_and_a_wrong_one_is_refused_by_name(tmp_path: Path) -> None:
    plans = read_plans(ROOT / "conf" / "budgets.yaml")
    assert plans["alpha_vantage"].total == 25
    wrong = tmp_path / "budgets.yaml"
    wrong.write_text((ROOT / "conf" / "budgets.yaml").read_text().replace('"20:00"', '"evening"', 1))
    with pytest.raises(SettingsError, match="alpha_vantage"):
        read_plans(wrong)
    wrong.write_text("sources: {}")
    with pytest.raises(SettingsError, match="version"):
        read_plans(wrong)
