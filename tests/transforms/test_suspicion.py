"""What is suspicious among its neighbours: flagged by name, and nothing else is."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.suspicious_files import ACTIONS, BARS
from transforms.action_suspicion import flag_actions
from transforms.suspicion import flag_bars
from transforms.suspicion_rules import NEAR_DAYS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("compiled")]

START = date(2026, 1, 5)
CALM = "100 101 100 99 100 101"
# name: bars as `close`, `close*volume` or `open/high/low/close`, each a day after the last (`+40` leaves 40 days out);
# actions as `day:split:ratio` or `day:dividend:amount`, days counted from 0; which bar has which flags
SERIES: dict[str, tuple[str, str, dict[int, list[str]]]] = {
    "a split that is told": (f"{CALM} 50.5 51 50", "6:split:2", {}),
    "a split that is not": (f"{CALM} 50.4/51/50/50.5 51 50", "", {6: ["missed_split"]}),
    "a split that is told of another day": (
        f"{CALM} 50.5 51 50 51",
        "8:split:2",
        {6: ["partly_adjusted"], 7: ["partly_adjusted"]},
    ),
    "a crash": (f"{CALM} 46/50/40/45 46 44", "", {6: ["price_jump"]}),
    "a crash to half": (f"{CALM} 50/58/45/50 51 48", "", {6: ["price_jump"]}),
    "a special dividend": (f"{CALM} 61 60 61", "6:dividend:40", {}),
    "pounds, and nothing after it": (f"{CALM} 1.01", "", {6: ["unit_error"]}),
    "pence for two days": (f"{CALM} 10100 10000 101 100", "", {6: ["unit_error"], 7: ["unit_error"]}),
    "pence at first": (f"10000 {CALM}", "", {0: ["unit_error"]}),
    "one price in pence": (f"{CALM} 100/10000/99/100 101", "", {6: ["unit_error"]}),
    "a unit that is changed for good by a split": (f"{CALM} 1.01 1 1.02", "6:split:100", {}),
    "a price of zero between": (f"{CALM} 0 101 102", "", {}),
    "long ago": (f"{CALM} +40 10100 10000", "", {}),
    "two bars": ("100 30", "", {}),
    "a part that is adjusted": (
        "100 101 50 101 100 50.5 51 50",
        "5:split:2",
        {2: ["partly_adjusted"]},
    ),
    "nothing new for two days": ("100*7 101*8 101*8 101*8 102*9", "", {3: ["stale"]}),
    "no trade for three days": ("100*7 101*0 101*0 101*0", "", {}),
    "moves that nobody traded": ("100 101/102/100/101*0", "", {1: ["moved_without_volume"]}),
    "hardly a share": (
        "10*20000 11*20001 10*20002 11*20003 10*20004 11*150 10*20005",
        "",
        {5: ["volume_fall"]},
    ),
    "not a share": (
        "10*20000 11*20001 10*20002 11*20003 10*20004 11*0 10*20005",
        "",
        {5: ["volume_fall"]},
    ),
    "volume that is not told": ("10*20000 11*20001 10*20002 11*20003 10*20004 11*- 10*20005", "", {}),
}
# actions of such series and their flags; the first one is asked for, where several stand
OF_ACTIONS: dict[str, tuple[str, str, list[str]]] = {
    "a true split": (f"{CALM} 50.5 51 50", "6:split:2", []),
    "a split without a jump": (f"{CALM} 100 101 100", "6:split:2", ["phantom_split"]),
    "a split of two days before": (f"{CALM} 50.5 51 50 51", "8:split:2", ["split_wrong_day"]),
    "a consolidation that a dividend pays for": (f"{CALM} 101 100 101", "6:split:0.8 6:dividend:25", []),
    "a true dividend": (f"{CALM} 81 80 81", "6:dividend:20", []),
    "a small dividend": (f"{CALM} 102 101 100", "6:dividend:1", []),
    "a dividend of more than the price": (f"{CALM} 101", "6:dividend:120", ["dividend_too_large"]),
    "a dividend of nothing near": (f"{CALM} 101 100 99", "6:dividend:20", ["dividend_too_large"]),
    "a dividend that fell on the next day": (f"{CALM} 101 81 80", "6:dividend:20", ["dividend_wrong_day"]),
    "a dividend in pence": (
        f"{CALM} 101 100 101",
        "6:dividend:50 -90:dividend:0.5 -180:dividend:0.52",
        ["dividend_unit_error"],
    ),
    "a dividend in pounds": (
        f"{CALM} 81 80 81",
        "6:dividend:0.2 -90:dividend:20 -180:dividend:21",
        ["dividend_unit_error"],
    ),
    "no bar near": ("100 101", "90:split:2", []),
}


def rows_of(name: str, bars: str) -> list[tuple[Any, ...]]:
    made, day = [], START
    for word in bars.split():
        if word.startswith("+"):
            day += timedelta(int(word))
            continue
        told, _, volume = word.partition("*")
        prices = told.split("/") if "/" in told else [told] * 4
        shares = None if volume == "-" else int(volume or 1000 + len(made))
        made.append((name, day, *map(Decimal, prices), shares, None, []))
        day += timedelta(1)
    return made


def actions_of(name: str, told: str) -> list[tuple[Any, ...]]:
    made: list[tuple[Any, ...]] = []
    for word in told.split():
        day, kind, number = word.split(":")
        amount, ratio = (None, float(number)) if kind == "split" else (Decimal(number), None)
        made.append((name, START + timedelta(int(day)), kind, amount, ratio, []))
    return made


def frames(spark: "SparkSession", series: dict[str, Any]) -> "tuple[DataFrame, DataFrame]":
    bars = [row for name, (told, *_) in series.items() for row in rows_of(name, told)]
    actions = [row for name, (_, told, _) in series.items() for row in actions_of(name, told)]
    return spark.createDataFrame(bars, BARS), spark.createDataFrame(actions, ACTIONS)


def test_a_bar_is_flagged_by_what_it_is_among_its_neighbours(spark: "SparkSession") -> None:
    bars, actions = frames(spark, SERIES)
    flagged = bars.transform(flag_bars, actions=actions).where("size(flags) > 0").collect()
    found: dict[str, dict[int, list[str]]] = {name: {} for name in SERIES}
    for row in flagged:
        days = [each[1] for each in rows_of(row.instrument_id, SERIES[row.instrument_id][0])]
        found[row.instrument_id][days.index(row.session)] = row.flags
    assert found == {name: flags for name, (_, _, flags) in SERIES.items()}


def test_an_action_is_flagged_by_what_the_prices_did(spark: "SparkSession") -> None:
    bars, actions = frames(spark, OF_ACTIONS)
    found: dict[str, list[str]] = {}
    for row in actions.transform(flag_actions, bars=bars).collect():
        name = row.instrument_id
        asked = actions_of(name, OF_ACTIONS[name][1])[0]
        if (row.ex_date, row.kind) == (asked[1], asked[2]):
            found[name] = row.flags
        else:
            assert row.flags == [], (name, row)
    assert found == {name: flags for name, (_, _, flags) in OF_ACTIONS.items()}


def wild_series(seed: int) -> list[tuple[Any, ...]]:
    """A year of bars with errors, gaps and prices of zero, the same for a seed."""
    chance = random.Random(seed)
    made, day, price = [], START, 100.0
    for _ in range(150):
        day += timedelta(chance.choice([1, 1, 1, 1, 3, 3, 20]) if chance.random() < 0.3 else 1)
        price *= chance.choice([0.5, 2, 0.1, 10]) if chance.random() < 0.03 else chance.uniform(0.98, 1.02)
        odd = chance.choice([0, 100, 0.01]) if chance.random() < 0.05 else 1
        told = Decimal(f"{price * odd:.6f}")
        volume = chance.choice([0, 5, 50_000])
        made.append((f"wild {seed}", day, told, told, told, told, volume, None, ["before"]))
    return made


def calm_series(name: str, *, drift: float) -> list[tuple[Any, ...]]:
    """A bar every fourth day, whose price drifts so slowly that no day stands out."""
    days = [START + timedelta(4 * n) for n in range(38)]
    prices = [Decimal(f"{100 * drift**n:.6f}") for n in range(38)]
    return [(name, day, *[price] * 4, 1000, None, []) for day, price in zip(days, prices, strict=True)]


def test_flags_follow_from_the_days_near_alone_whatever_range_is_read(spark: "SparkSession") -> None:
    rows = [row for seed in range(12) for row in wild_series(seed)]
    calm = {"unpaid": 1.0, "drifting": 0.975}
    calm_rows = [row for name, drift in calm.items() for row in calm_series(name, drift=drift)]
    told: list[tuple[Any, ...]] = [
        (f"wild {seed}", START + timedelta(70), "split", None, 2.0, []) for seed in range(12)
    ]
    told.append(("unpaid", START + timedelta(80), "dividend", Decimal(60), None, []))
    told.append(("drifting", START + timedelta(100), "split", None, 1.25, []))
    rows += calm_rows
    bars, actions = spark.createDataFrame(rows, BARS), spark.createDataFrame(told, ACTIONS)
    whole = {
        (row.instrument_id, row.session): row.flags
        for row in bars.transform(flag_bars, actions=actions).collect()
    }
    assert len(whole) == 12 * 150 + len(calm_rows)
    assert {flag for flags in whole.values() for flag in flags} >= {
        *("before", "unit_error", "missed_split", "price_jump", "partly_adjusted", "volume_fall"),
    }
    near = timedelta(NEAR_DAYS)
    for first in [START + timedelta(days) for days in (60, 92, 100)]:
        last = first + timedelta(9)
        cut = [row for row in rows if first - 2 * near <= row[1] < last + 2 * near]
        for row in spark.createDataFrame(cut, BARS).transform(flag_bars, actions=actions).collect():
            if first - near <= row.session < last + near:
                assert row.flags == whole[row.instrument_id, row.session], row
