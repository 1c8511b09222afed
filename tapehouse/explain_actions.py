"""Adjusted prices explained: each action's own step, and whether their product is the factor that is stored.

Worked out here from gold.actions and the closes of gold.bars_1d, in plain numbers, without the transforms.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tapehouse.explain_lake import Lake, Row

TABLE = "gold.adjusted_bars_1d"
PRICES = ("open", "high", "low", "close")
# in the order in which they are shown
BASES = ("raw", "split_adjusted", "total_return_yahoo", "total_return_crsp")
FORMULAS = {
    "split_adjusted": "1 / ratio of each later split",
    "total_return_yahoo": "1 / ratio, and 1 - D / C before of each later dividend",
    "total_return_crsp": "1 / ratio, and C / (C + D) of each later dividend, C whole before a split of that day",
}
SAME, SAME_PRICE = 1e-12, 1e-11
ZERO = Decimal(0)


def actions_of(lake: Lake, instrument: str, *, since: date) -> list[Row]:
    """The served actions from a day on, the last first."""
    return lake.rows(
        "gold.actions",
        "instrument_id = ? AND ex_date >= ? ORDER BY ex_date DESC, kind DESC",
        instrument,
        since,
    )


def explain_adjusted(lake: Lake, bar: Row, actions: Sequence[Row]) -> list[Row]:
    """Each basis of a served bar with the steps that its factor is made of; `actions` are those after its session."""
    stored = {
        row["basis"]: row
        for row in lake.rows(TABLE, "instrument_id = ? AND session = ?", bar["instrument_id"], bar["session"])
    }
    closes = _closes_near(lake, bar["instrument_id"], {action["ex_date"] for action in actions})
    days = [_steps_of_day(day, actions, closes) for day in dict.fromkeys(a["ex_date"] for a in actions)]
    steps = [step for day in days for step in day]
    found = []
    for basis in sorted(stored, key=_place):
        counted = [
            {**{k: v for k, v in step.items() if k != "steps"}, "step": step["steps"][basis]}
            for step in steps
            if basis in step["steps"]
        ]
        factor = math.prod(step["step"] for step in counted)
        volume_factor = math.prod(one["ratio"] for step in counted for one in step["actions"] if one["ratio"])
        found.append(_compared(bar, stored[basis], factor, volume_factor) | {"steps": counted})
    return found


def problems_of(adjusted: Iterable[Row]) -> list[str]:
    return [
        f"{row['basis']}: {TABLE} has {name} {row[name]}, its actions make {row['worked_out'][name]}"
        for row in adjusted
        for name in row["differs"]
    ]


def _compared(bar: Row, row: Row, factor: float, volume_factor: float) -> Row:
    """A stored row beside what it must be."""
    names = (*PRICES, "volume", "factor", "volume_factor")
    mine: dict[str, Any] = {name: float(bar[name]) * factor for name in PRICES}
    mine["volume"] = None if bar["volume"] is None else _rounded(bar["volume"] * volume_factor)
    mine |= {"factor": factor, "volume_factor": volume_factor}
    differs = [name for name in names if not _is_same(row[name], mine[name], name)]
    return {
        "basis": row["basis"],
        "formula": FORMULAS.get(row["basis"], ""),
        "currency": row["currency"],
        **{name: row[name] for name in names},
        "worked_out": mine,
        "differs": differs,
    }


def _is_same(stored: Any, mine: Any, name: str) -> bool:
    if stored is None or mine is None:
        return stored is mine
    tolerance = SAME if name in {"factor", "volume_factor"} else SAME_PRICE
    # a price has 12 decimals
    return math.isclose(float(stored), float(mine), rel_tol=tolerance, abs_tol=1e-12)


def _rounded(shares: float) -> int:
    return int(Decimal(shares).quantize(Decimal(1), ROUND_HALF_UP))


def _place(basis: str) -> tuple[int, str]:
    return (BASES.index(basis) if basis in BASES else len(BASES), basis)


def _steps_of_day(day: date, actions: Sequence[Row], closes: Sequence[Row]) -> list[Row]:
    """What one day does to the days before it: each split a step, all dividends one, for they leave one price."""
    of_day = [action for action in actions if action["ex_date"] == day]
    splits = [action for action in of_day if action["ratio"] is not None]
    paid = [action for action in of_day if action["ratio"] is None]
    steps = [
        {
            "ex_date": day,
            "kind": "split",
            "actions": [one],
            "steps": dict.fromkeys(BASES[1:], 1 / one["ratio"]),
        }
        for one in splits
    ]
    if paid:
        shares = math.prod(one["ratio"] for one in splits)
        steps.append(_step_of_dividends(day, paid, shares, closes))
    return steps


def _step_of_dividends(day: date, paid: Sequence[Row], shares: float, closes: Sequence[Row]) -> Row:
    from transforms.adjust import NEAR

    near = timedelta(NEAR)
    before = [row for row in closes if day - near <= row["session"] < day]
    since = [row for row in closes if day <= row["session"] <= day + near]
    amount = float(sum((one["amount"] or ZERO for one in paid), ZERO))
    last = float(before[-1]["close"]) if before else None
    first = float(since[0]["close"]) if since else None
    yahoo = None if last is None else 1 - amount / last
    crsp = None if first is None else first * shares / (first * shares + amount)
    steps = {"total_return_yahoo": yahoo, "total_return_crsp": crsp}
    return {
        "ex_date": day,
        "kind": "dividend",
        "actions": list(paid),
        "close_before": before[-1] if before else None,
        "close": since[0] if since else None,
        # without a price near it, or above it, a dividend changes nothing
        "steps": {basis: step if step is not None and step > 0 else 1.0 for basis, step in steps.items()},
    }


def _closes_near(lake: Lake, instrument: str, days: set[date]) -> list[Row]:
    """The served closes about these days, in order."""
    from transforms.adjust import NEAR

    if not days:
        return []
    near = timedelta(NEAR)
    return lake.rows(
        "gold.bars_1d",
        "instrument_id = ? AND close > 0 AND session BETWEEN ? AND ? ORDER BY session",
        instrument,
        min(days) - near,
        max(days) + near,
        columns="session, close",
    )
