"""What was known when: as the lake was told it, and as if what was told first had been known at once."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any

import pytest

from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.kept import keep
from jobs.lake.known import Known, Question
from jobs.lake.settings import Settings
from tapehouse.paths import ROOT
from transforms.as_of import ACTION, BAR, Thing

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

pytestmark = pytest.mark.long

PRICES = ("open", "high", "low", "close")
OF_ALL: dict[str, Any] = {"source": "yahoo", "instrument_id": "us-apple", "symbol": "AAPL", "mic": "XNAS"} | {
    "currency": "USD",
    "basis": "split_adjusted",
    "split_factor": 1.0,
    "flags": [],
}
Ask = Callable[..., list[Known]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told(day: str, *, since: str, until: str | None = None, **facts: Any) -> dict[str, Any]:
    """A version, known from and to; with a `kind` an action, else a bar, its four prices the same."""
    times = {"known_from": at(since), "known_to": until and at(until)}
    if "kind" in facts:
        return OF_ALL | times | {"ex_date": date.fromisoformat(day)} | facts
    price = Decimal(facts.pop("price"))
    return (
        OF_ALL
        | times
        | {"session": date.fromisoformat(day), "volume": 100}
        | dict.fromkeys(PRICES, price)
        | facts
    )


@pytest.fixture
def ask(spark: "SparkSession") -> Ask:
    settings = Settings.model_construct(instruments=ROOT / "conf" / "instruments.yaml")
    configuration = Configuration(spark, settings, read_facts(settings))

    def frame(rows: list[dict[str, Any]], thing: Thing) -> "DataFrame":
        return keep(
            spark.createDataFrame(
                [tuple(row.get(name) for name in thing.schema.names) for row in rows], thing.schema
            )
        )

    def known(versions: list[dict[str, Any]], *moments: str, **question: Any) -> list[Known]:
        bars = frame([row for row in versions if "session" in row], BAR)
        actions = frame([row for row in versions if "ex_date" in row], ACTION)
        return [Known(bars, actions, configuration, Question(at(moment), **question)) for moment in moments]

    return known


def rows_of(frames: "list[DataFrame]") -> "list[list[Row]]":
    """The rows of each frame, in one run of Spark."""
    from pyspark.sql import functions as F

    numbered = [frame.withColumn("number", F.lit(number)) for number, frame in enumerate(frames)]
    day = "ex_date" if "ex_date" in frames[0].columns else "session"
    rows = reduce(lambda one, other: one.unionByName(other), numbered).orderBy("number", day).collect()
    return [[row for row in rows if row.number == number] for number in range(len(frames))]


def closes(frames: "list[DataFrame]") -> list[list[Decimal]]:
    return [[row.close for row in rows] for rows in rows_of(frames)]


def test_an_answer_holds_what_was_told_last_and_says_nothing_of_later(ask: Ask) -> None:
    dice, began = random.Random(7), at("2026-01-09T22:00")
    tellings = [
        (source, day, began + timedelta(minutes=minute), dice.randint(10, 99))
        for source in ("yahoo", "alpha_vantage")
        for day in (5, 6, 7)
        for minute in sorted(dice.sample(range(1000), 4))
    ]
    versions = []
    for number, (source, day, since, price) in enumerate(tellings):
        after = tellings[number + 1] if number + 1 < len(tellings) else None
        until = f"{after[2]:%Y-%m-%dT%H:%M}" if after and after[:2] == (source, day) else None
        made = {"source": source, "price": price, "until": until}
        versions.append(told(f"2026-01-0{day}", since=f"{since:%Y-%m-%dT%H:%M}", **made))
    moments = [tellings[5][2], *(began + timedelta(minutes=dice.randint(-30, 1100)) for _ in range(8))]
    asked = ask(versions, *[f"{moment:%Y-%m-%dT%H:%M}" for moment in moments])
    held, served = rows_of([each.held(BAR) for each in asked]), rows_of([each.served_bars for each in asked])
    for moment, bars, gold in zip(moments, held, served, strict=True):
        newest = {(source, day): price for source, day, since, price in tellings if since <= moment}
        assert {(row.source, row.session.day): row.close for row in bars} == newest
        # Alpha Vantage serves before Yahoo
        first = {day: price for (_, day), price in sorted(newest.items(), reverse=True)}
        assert {row.session.day: row.close for row in gold} == first
        assert all(row.known_from.replace(tzinfo=UTC) <= moment for row in [*bars, *gold])
        assert all(row.known_to is None for row in bars)


def test_a_split_that_was_taken_back_is_seen_before_that_and_not_after(ask: Ask) -> None:
    until = "2026-01-09T22:00"
    versions = [
        told("2026-01-05", since="2026-01-08T22:00", until=until, price=50, split_factor=2.0, volume=200),
        told("2026-01-05", since=until, price=100),
        told("2026-01-07", since="2026-01-08T22:00", price=52, volume=200),
        told("2026-01-07", since="2026-01-08T22:00", until=until, kind="split", ratio=2.0),
    ]
    asked = ask(versions, "2026-01-08T21:59", "2026-01-08T22:00", "2026-01-09T21:59", until)
    adjusted = [each.adjusted_bars.where("basis = 'split_adjusted'") for each in asked]
    numbers = [[(row.close, row.volume, row.factor) for row in rows] for rows in rows_of(adjusted)]
    with_split = [(50, 200, 0.5), (52, 200, 1)]
    assert numbers == [[], with_split, with_split, [(100, 100, 1), (52, 200, 1)]]


YEARS_LATER, CORRECTED = "2027-06-01T12:00", "2027-06-03T12:00"


def test_told_years_later_a_bar_can_count_from_its_close_and_an_action_from_its_open(ask: Ask) -> None:
    later = {"since": YEARS_LATER, "split_factor": 4.0}
    versions = [
        told("2025-11-26", **later, until=CORRECTED, price=99),
        told("2025-11-26", **later | {"since": CORRECTED}, price=98),
        # a half day, which closes at 18:00 UTC
        told("2025-11-28", **later, price=100),
        told("2025-12-01", since=YEARS_LATER, price=101),
        told("2025-11-26", **later, kind="dividend", amount=Decimal("0.25")),
        told("2025-12-01", since=YEARS_LATER, kind="split", ratio=4.0),
        # told before its day
        told("2027-07-01", since=YEARS_LATER, kind="split", ratio=2.0),
    ]
    times = ["2025-11-26T14:29", "2025-11-26T14:30", "2025-11-28T17:59", "2025-11-28T18:00"]
    times += ["2025-12-01T14:30", "2025-12-01T21:00", YEARS_LATER, CORRECTED]
    asked = ask(versions, *times, assume_close=True)
    served = rows_of([each.served_bars for each in asked])
    as_traded = [[], [], [396], [396, 400], [396, 400], [396, 400, 101], [396, 400, 101], [392, 400, 101]]
    assert [[row.close for row in rows] for rows in served] == as_traded
    # what is stored is not changed
    assert {row.known_from.replace(tzinfo=UTC) for row in served[3]} == {at(YEARS_LATER)}
    # the split that the prices were told in is not known before it
    adjusted = [each.adjusted_bars.where("basis = 'split_adjusted'") for each in asked[3:7]]
    assert closes(adjusted) == [[396, 400], [99, 100], [99, 100, 101], [Decimal("49.5"), 50, Decimal("50.5")]]
    kinds = [[row.kind for row in rows] for rows in rows_of([each.held(ACTION) for each in asked[:5]])]
    assert kinds == [[], *[["dividend"]] * 3, ["dividend", "split"]]
    # as the lake was told it, it knew nothing
    (unassumed,) = ask(versions, "2025-12-01T21:00")
    (bars,), (actions,) = unassumed.late(BAR).collect(), unassumed.late(ACTION).collect()
    assert (bars.days, bars.late, actions.days, actions.late) == (2, 2, 1, 1)
    assert bars.known_from == bars.late_from == actions.late_from
    assert asked[5].late(BAR).select("days", "late", "late_from").collect() == [(2, 0, None)]


def test_what_counts_as_told_first(ask: Ask) -> None:
    read_at, flagged = "2026-02-21T22:00", {"flags": ["basis_unknown"], "split_factor": None}
    versions = [
        # its splits were told after it
        told("2026-01-06", since="2026-02-20T22:00", until=read_at, price=25, **flagged),
        told("2026-01-06", since=read_at, price=25, split_factor=4.0),
        # and another price before they were
        told("2026-01-07", since="2026-02-20T22:00", until=read_at, price=24, **flagged),
        told("2026-01-07", since=read_at, price=26, split_factor=4.0),
        # taken back, and told again
        told("2026-01-08", since="2026-02-20T22:00", until="2026-02-20T23:00", price=7),
        told("2026-01-08", since=read_at, price=8),
        # told before the close
        told("2026-01-09", since="2026-01-09T16:00", price=9),
        # on New Year's Day, of no known venue: it ends at 05:00 UTC
        told("2026-01-01", since=read_at, price=1, mic=None, instrument_id="mine:X", flags=["closed_day"]),
        # long before the calendars begin, and at a venue that is not in the file any more
        told("1987-10-19", since=read_at, price=3),
        told("1987-10-19", since=read_at, price=2, mic="XTKS", instrument_id="jp-gone"),
    ]
    times = [
        "1987-10-20T03:59",
        "1987-10-20T04:00",
        "1987-10-20T12:00",
        "2026-01-02T05:00",
        "2026-01-09T16:00",
    ]
    asked = ask(versions, *times, "2026-02-20T23:00", read_at, assume_close=True)
    old = [2, 3]
    held = [sorted(each) for each in closes([each.held(BAR) for each in asked])]
    assert held[:4] == [[], [3], old, [1, *old]]
    assert held[4:] == [
        sorted([1, *old, 25, 24, 7, 9]),
        sorted([1, *old, 25, 24, 9]),
        sorted([1, *old, 25, 26, 8, 9]),
    ]
    (served,) = rows_of([asked[4].served_bars.where("session >= '2026-01-06'")])
    assert [(row.session.day, row.close) for row in served] == [(6, 100), (8, 7), (9, 9)]
