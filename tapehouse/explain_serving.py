"""Why gold serves what it serves of a day: who told it, the rule that chose, the currency, and the confidence."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from tapehouse.explain_lake import Row, text

PRICES = ("open", "high", "low", "close")
Unit = tuple[str, str, int, date]
RULE = "of the sources that tell the day now, and break no rule that bars them, the first of: "


def explain_serving(served: Row | None, versions: Sequence[Row], units: Sequence[Unit], session: date) -> Row:
    """The choice among the versions that hold now; `served` is the row of gold.bars_1d."""
    from transforms.serving import NOT_SERVED, SERVES_FIRST

    told = [
        _candidate(version, units, session, NOT_SERVED) for version in versions if version["known_to"] is None
    ]
    told.sort(key=lambda one: (_place(one["source"], SERVES_FIRST), one["source"]))
    able = [one for one in told if not one["barred_by"]]
    rule = RULE + ", ".join((*SERVES_FIRST, "any other by its name"))
    return {
        "rule": rule,
        "candidates": told,
        "chosen": able[0]["source"] if able else None,
        "confidence": served["confidence"] if served else None,
        "because": _confidence(able[0], able) if able else None,
    }


def unit_of(currency: str | None, units: Sequence[Unit], session: date) -> Unit | None:
    """The unit whose factor holds on a session; None where the numbers are in a major unit already."""
    found = [unit for unit in units if unit[0] == currency and unit[3] <= session]
    return max(found, key=lambda unit: unit[3]) if found else None


def problems_of(served: Row | None, serving: Row, versions: Sequence[Row]) -> tuple[list[str], list[str]]:
    """What is wrong with the served row, and what is only not up to date."""
    if served is None:
        return [], []
    version = version_of(served, versions)
    if version is None:
        return [f"gold.bars_1d serves {_name(served)}, which silver.bars_1d does not have"], []
    mine = next((one for one in serving["candidates"] if one["source"] == served["source"]), None)
    is_current = mine is not None and mine["known_from"] == served["known_from"]
    notes = []
    if not is_current:
        notes.append(f"silver ended the served version of {_name(served)}: run jobs/adjust_prices.py")
    elif serving["chosen"] != served["source"]:
        notes.append(f"by what silver tells now {serving['chosen']} would serve: run jobs/adjust_prices.py")
    if mine is None or not is_current:
        return [], notes
    wrong = [
        f"gold.bars_1d has {name} {text(served[name])}, the version of {_name(served)} gives {mine[name]}"
        for name in (*PRICES, "volume")
        if not _is_same(served[name], mine[name])
    ]
    return wrong, notes


def version_of(served: Row, versions: Sequence[Row]) -> Row | None:
    """The version of silver that a row of gold serves."""
    key = (served["source"], served["known_from"])
    return next((one for one in versions if (one["source"], one["known_from"]) == key), None)


def _candidate(version: Row, units: Sequence[Unit], session: date, barring: Sequence[str]) -> Row:
    """A source's current version as gold would serve it: as traded, in the major unit."""
    unit, by = unit_of(version["currency"], units, session), version["split_factor"]
    divisor = unit[2] if unit else 1
    prices: dict[str, Any] = {
        name: None if by is None else float(version[name]) * by / divisor for name in PRICES
    }
    shares = version["volume"]
    return {
        "source": version["source"],
        "known_from": version["known_from"],
        "flags": version["flags"],
        "barred_by": [flag for flag in version["flags"] or [] if flag in barring],
        "split_factor": by,
        "unit": version["currency"],
        "currency": unit[1] if unit else version["currency"],
        "divisor": divisor,
        **prices,
        "volume": None if shares is None or by is None else math.floor(shares / by + 0.5),
    }


def _confidence(first: Row, able: Sequence[Row]) -> str:
    """What the sources say of how far the first of them can be trusted."""
    from transforms.serving import AGREEMENT, DOUBTFUL

    reasons = [f"flag {flag}" for flag in first["flags"] or [] if flag in DOUBTFUL]
    lowest, highest = (choose(able, key=lambda one: one["close"]) for choose in (min, max))
    if highest["close"] > lowest["close"] * (1 + AGREEMENT):
        apart = [f"{one['source']} {one['close']:.12g}" for one in (lowest, highest)]
        reasons.append(f"closes more than {AGREEMENT:.0%} apart: {', '.join(apart)}")
    if reasons:
        return f"low: {'; '.join(reasons)}"
    if len(able) > 1:
        return f"high: {len(able)} sources whose closes are within {AGREEMENT:.0%}"
    return "medium: no other source tells it"


def _place(source: str, ranked: Sequence[str]) -> int:
    return ranked.index(source) if source in ranked else len(ranked)


def _is_same(stored: Any, mine: Any) -> bool:
    if stored is None or mine is None:
        return stored is mine
    return math.isclose(float(stored), float(mine), rel_tol=1e-11, abs_tol=1e-11)


def _name(row: Row) -> str:
    return f"{row['source']} known from {text(row['known_from'])}"
