"""What vendors tell, in any order, to what was known when, as traded, and adjusted."""

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tapehouse.paths import ROOT
from tests.history_lake import HistoryLake
from tests.jobs.raw_history import bar, dividend, split

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

pytestmark = pytest.mark.long

JANUARY = ("2026-01-01", "2026-02-01")
# an import whose rows tell of splits and dividends too
OF_ROWS = {
    "header": "date,open,high,low,close,volume,dividend,ratio",
    "told": {name: name for name in ("open", "high", "low", "close", "volume", "dividend")}
    | {"session": "date", "split_ratio": "ratio"},
    "basis": "raw",
    "source": "mine",
}


@pytest.fixture
def lake(spark: "SparkSession") -> HistoryLake:
    return HistoryLake(spark, ROOT / "conf" / "instruments.yaml")


def numbers(rows: "list[Row]") -> list[tuple[Decimal, int]]:
    return [(row.close, row.volume) for row in rows]


def split_on_the_8th(lake: HistoryLake) -> None:
    """A past of two bars and a dividend, and all of it told anew after four shares were given for one."""
    covers = ("2025-12-01", "2026-01-07")
    lake.fetched("actions", dividend("2025-12-15", 1.0), at="2026-01-07T22:00", covers=covers)
    told = [bar("2026-01-05", 400.0, 100), bar("2026-01-06", 404.0, 120)]
    lake.fetched("bars_1d", *told, at="2026-01-07T22:01", covers=("2026-01-05", "2026-01-07"))
    covers = ("2025-12-01", "2026-01-09")
    paid = dividend("2025-12-15", 0.25)
    lake.fetched("actions", paid, split("2026-01-08", 4), at="2026-01-09T22:00", covers=covers)
    # one volume was corrected
    anew = [bar("2026-01-05", 100.0, 400), bar("2026-01-06", 101.0, 500), bar("2026-01-08", 102.0, 700)]
    lake.fetched("bars_1d", *anew, at="2026-01-09T22:01", covers=("2026-01-05", "2026-01-09"))


def test_a_past_that_is_told_anew_after_a_split_is_no_correction(lake: HistoryLake) -> None:
    split_on_the_8th(lake)
    kinds = [(row.kind, row.known_to) for row in lake.actions().orderBy("ex_date").collect()]
    assert kinds == [("dividend", None), ("split", None)]
    known = [
        (str(row.session), row.known_from.day)
        for row in lake.bars().orderBy("session", "known_from").collect()
    ]
    assert known == [("2026-01-05", 7), ("2026-01-06", 7), ("2026-01-06", 9), ("2026-01-08", 9)]
    assert numbers(lake.served()) == [(400, 100), (404, 125), (102, 700)]
    assert numbers(lake.adjusted("split_adjusted")) == [(100, 400), (101, 500), (102, 700)]
    # as it was known before
    assert numbers(lake.served("2026-01-08")) == [(400, 100), (404, 120)]
    assert numbers(lake.adjusted("split_adjusted", "2026-01-08")) == [(400, 100), (404, 120)]


def test_the_order_in_which_answers_were_loaded_does_not_matter(lake: HistoryLake) -> None:
    split_on_the_8th(lake)
    one, actions = (sorted(map(tuple, made.collect())) for made in (lake.bars(), lake.actions()))
    lake.reverse()
    assert sorted(map(tuple, lake.bars().collect())) == one
    assert sorted(map(tuple, lake.actions().collect())) == actions


def test_a_bar_whose_splits_nobody_has_told_is_not_served_until_they_are(lake: HistoryLake) -> None:
    told, asked = bar("2026-01-06", 18.779800415039062, 4000), {"symbol": "NVDA"}
    lake.fetched(
        "actions", split("2026-01-07", 4), at="2026-02-20T22:00", covers=("2026-01-01", "2026-01-31"), **asked
    )
    lake.fetched("bars_1d", told, at="2026-02-20T22:01", covers=JANUARY, **asked)
    both = (split("2026-01-07", 4), split("2026-02-10", 10))
    lake.fetched("actions", *both, at="2026-02-21T22:00", covers=("2026-01-01", "2026-02-21"), **asked)
    unknown, known = lake.bars().orderBy("known_from").collect()
    assert (unknown.close, unknown.split_factor, unknown.flags) == (
        Decimal("18.7798"),
        None,
        ["basis_unknown"],
    )
    assert unknown.known_to == known.known_from
    assert (known.split_factor, known.flags) == (40, [])
    assert lake.served("2026-02-21T12:00") == []
    assert numbers(lake.served()) == [(Decimal("751.192"), 100)]


def test_what_a_vendor_takes_back_ends(lake: HistoryLake) -> None:
    both = (dividend("2025-12-15", 1.0), split("2026-01-07", 2))
    lake.fetched("actions", *both, at="2026-01-08T22:00", covers=("2025-12-01", "2026-01-08"))
    days = [bar("2026-01-05", 50.0, 200), bar("2026-01-06", 51.0, 200), bar("2026-01-07", 52.0, 200)]
    lake.fetched("bars_1d", *days, at="2026-01-08T22:01", covers=("2026-01-05", "2026-01-08"))
    before = numbers(lake.adjusted("split_adjusted"))
    # the split was none, and the 6th is not told any more; an answer without a line takes nothing back
    lake.fetched(
        "actions", dividend("2025-12-15", 1.0), at="2026-01-09T22:00", covers=("2025-12-01", "2026-01-09")
    )
    anew = [bar("2026-01-05", 100.0, 100), bar("2026-01-07", 52.0, 200)]
    lake.fetched("bars_1d", *anew, at="2026-01-09T22:01", covers=("2026-01-05", "2026-01-08"))
    lake.fetched("bars_1d", at="2026-01-10T22:01", covers=("2026-01-05", "2026-01-08"))
    assert numbers(lake.adjusted("split_adjusted")) == [(100, 100), (52, 200)]
    assert (
        numbers(lake.adjusted("split_adjusted", "2026-01-09")) == before == [(50, 200), (51, 200), (52, 200)]
    )


def test_a_line_that_is_rejected_takes_nothing_back(lake: HistoryLake) -> None:
    at, days = "2026-01-08T22:00", ("2026-01-05", "2026-01-08")
    lake.fetched("actions", at=at, covers=days)
    lake.fetched("bars_1d", bar("2026-01-06", 1.0, 1), bar("2026-01-07", 2.0, 1), at=at, covers=days)
    bad = bar("2026-01-07", 2.0, 1).replace("2.0", "-", 1)
    later = "2026-01-09T22:00"
    lake.fetched("actions", at=later, covers=("2026-01-05", "2026-01-09"))
    lake.fetched("bars_1d", bar("2026-01-06", 1.0, 1), bad, at=later, covers=days, accepted=1)
    assert numbers(lake.served()) == [(1, 1), (2, 1)]


def test_no_action_at_all_is_an_answer_too_and_a_fetch_in_the_evening_is_of_its_day(
    lake: HistoryLake,
) -> None:
    # 20:00 in New York, where it is still the 8th
    at, asked = "2026-01-09T01:00", {"symbol": "BRK-B"}
    lake.fetched("actions", at=at, covers=("2026-01-01", "2026-01-08"), **asked)
    lake.fetched("bars_1d", bar("2026-01-06", 500.25, 7), at=at, covers=("2026-01-05", "2026-01-08"), **asked)
    assert numbers(lake.served()) == [(Decimal("500.25"), 7)]


def test_what_was_asked_for_is_the_instrument_whatever_it_was_called(lake: HistoryLake) -> None:
    asked: dict[str, Any] = {"at": "2026-01-07T22:00", "covers": ("2012-05-01", "2026-01-07")}
    meta = asked | {"symbol": "META", "instrument": "us-meta"}
    lake.fetched("actions", **meta)
    lake.fetched("bars_1d", bar("2021-01-06", 260.0, 5), **meta)
    (row,) = lake.served()
    assert (row.instrument_id, row.symbol, row.mic, row.currency) == ("us-meta", "FB", "XNAS", "USD")


def test_pence_are_served_in_pounds(lake: HistoryLake) -> None:
    asked: dict[str, Any] = {
        "at": "2026-01-08T22:00",
        "covers": ("2026-01-05", "2026-01-08"),
        "symbol": "OCDO.L",
    }
    lake.fetched("actions", **asked)
    lake.fetched("bars_1d", bar("2026-01-06", 255.0, 5), **asked)
    (row,) = lake.served()
    assert (row.close, row.currency) == (Decimal("2.55"), "GBP")


def test_of_two_sources_the_first_serves_and_the_other_says_how_far_it_is_trusted(lake: HistoryLake) -> None:
    asked: dict[str, Any] = {"at": "2026-01-07T22:00", "covers": ("2026-01-05", "2026-01-07")}
    lake.fetched("actions", **asked)
    lake.fetched("bars_1d", bar("2026-01-05", 100.0, 5), bar("2026-01-06", 100.0, 5), **asked)
    other = asked | {"source": "alpha_vantage", "basis": "raw"}
    lake.fetched("bars_1d", bar("2026-01-05", 100.5, 5), bar("2026-01-06", 90.0, 5), **other)
    served = [(row.source, row.confidence) for row in lake.served()]
    assert served == [("alpha_vantage", "high"), ("alpha_vantage", "low")]


def test_a_row_that_tells_of_no_split_any_more_takes_it_back(lake: HistoryLake) -> None:
    def rows(ratio: float, paid: float) -> list[str]:
        return ["2026-01-05,10,10,10,10,100,0,1", f"2026-01-06,10,10,10,10,100,{paid},{ratio}"]

    lake.fetched("bars_1d", *rows(7.0, 0.5), at="2026-01-07T22:00", covers=None, **OF_ROWS)
    # yfinance writes 0 where there was no split
    lake.fetched("bars_1d", *rows(0.0, 0.5), at="2026-01-08T22:00", covers=None, **OF_ROWS)
    assert numbers(lake.adjusted("split_adjusted", "2026-01-08")) == [
        (Decimal("1.428571428571"), 700),
        (10, 100),
    ]
    assert numbers(lake.adjusted("split_adjusted")) == [(10, 100), (10, 100)]
    assert lake.adjusted("total_return_yahoo")[0].close == Decimal("9.5")


def test_impossible_splits_and_dividends_are_rejected_and_a_price_of_zero_scales_nothing(
    lake: HistoryLake,
) -> None:
    lines = ["2026-01-05,0,0,0,0,100,0,1", "2026-01-06,10,10,10,10,100,0.5,2"]
    bad = ["2026-01-07,10,10,10,10,100,-1,1", "2026-01-08,10,10,10,10,100,0,NaN", "2026-01-09,9,9,9,9,1,0,-2"]
    lake.fetched("bars_1d", *lines, *bad, at="2026-01-10T22:00", covers=None, **OF_ROWS)
    assert [row.close for row in lake.adjusted("total_return_crsp")] == [0, 10]


def test_known_spans_of_a_bar_meet_without_a_gap(lake: HistoryLake) -> None:
    at = "2026-01-0{}T22:00"
    for day, price in ((6, 10.0), (7, 11.0), (8, 11.0), (9, 10.0)):
        lake.fetched("actions", at=at.format(day), covers=("2026-01-01", f"2026-01-0{day}"))
        lake.fetched(
            "bars_1d", bar("2026-01-05", price, 1), at=at.format(day), covers=("2026-01-05", "2026-01-06")
        )
    versions = lake.bars().orderBy("known_from").collect()
    assert [row.close for row in versions] == [10, 11, 10]
    for one, other in pairwise(versions):
        assert one.known_to == other.known_from


def test_a_bar_that_is_told_of_two_companies_is_a_clash_of_identity(lake: HistoryLake) -> None:
    # told on three evenings: as it is, corrected, undone for a split, in the other unit, and of another company
    told = {
        "2026-01-05": ("38.44", "0.022", "38.44"),
        "2026-01-06": ("10", "10.5", "10.5"),
        "2026-01-07": ("100", "25", "25"),
        "2026-01-08": ("100", "1", "100"),
        "2026-01-09": ("100", "50", "100"),
        "2026-01-12": ("25.66", "46.11", "46.11"),
        "2026-01-13": ("0", "46.11", "0"),
    }
    for n in range(3):
        lines = [f"{day},{','.join([prices[n]] * 4)},100,0,1" for day, prices in told.items()]
        lake.fetched("bars_1d", *lines, at=f"2026-01-2{n}T22:00", covers=None, **OF_ROWS)
    lake.reverse()
    flags: dict[str, set[str]] = {day: set() for day in told}
    versions = lake.bars().collect()
    for row in versions:
        flags[str(row.session)] |= set(row.flags) - {"price_zero"}
    clashes = {day for day, names in flags.items() if names == {"identity_clash"}}
    assert clashes == {"2026-01-05", "2026-01-09", "2026-01-12"}
    assert [day for day, names in flags.items() if names - {"identity_clash"}] == []
    # what was told first knew of no other, what was told last does
    told_first = {
        "identity_clash" in row.flags for row in versions if str(row.known_from).startswith("2026-01-20")
    }
    of_clashes = [row for row in versions if str(row.session) in clashes and row.known_to is None]
    assert (told_first, {tuple(row.flags) for row in of_clashes}) == ({False}, {("identity_clash",)})
    first = lake.served()[0]
    assert (first.close, first.confidence) == (Decimal("38.44"), "low")


def test_a_clash_is_seen_across_a_withdrawal(lake: HistoryLake) -> None:
    other, covers = "2026-01-06,10,10,10,10,100,0,1", ("2026-01-05", "2026-01-07")
    for n, price in enumerate(("38.44", None, "0.022")):
        told = [f"2026-01-05,{','.join([price] * 4)},100,0,1"] if price else []
        lake.fetched("bars_1d", other, *told, at=f"2026-01-2{n}T22:00", covers=covers, **OF_ROWS)
    versions = lake.bars().where("session = '2026-01-05'").orderBy("known_from").collect()
    assert [(row.known_to is None, row.flags) for row in versions] == [
        (False, []),
        (True, ["identity_clash"]),
    ]
