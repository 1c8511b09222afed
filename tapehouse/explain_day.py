"""A day's bar explained: who told it in which line of which object, who serves it, and what adjusts it."""

import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from tapehouse import explain_actions, explain_serving
from tapehouse.explain_lake import Lake, Row, text
from tapehouse.explain_names import Meant
from tapehouse.explain_raw import RawObjects
from tapehouse.explain_serving import PRICES, Unit

OF_ACTION = ("ex_date", "kind", "amount", "ratio", "currency", "source", "confidence", "flags", "known_from")
OF_VERSION = ("source", "ex_date", "kind", "known_from")
AS_TOLD = ("amount", "ratio", "currency", "basis", "split_factor")


def explain_day(
    lake: Lake, raw: RawObjects, meant: Meant, day: date, *, units: Sequence[Unit], source: str | None
) -> Row:
    """The tree of a day. `served` is None, and `versions` are empty, where there is nothing."""
    of_day, key = "instrument_id = ? AND session = ?", (meant.instrument_id, day)
    versions = lake.rows("silver.bars_1d", f"{of_day} ORDER BY source, known_from", *key)
    served = next(iter(lake.rows("gold.bars_1d", of_day, *key)), None)
    told = lake.rows("silver.actions", "instrument_id = ? AND ex_date >= ?", *key)
    actions = explain_actions.actions_of(lake, meant.instrument_id, since=day)
    if served is None:
        actions = [action for action in actions if action["ex_date"] == day]
    later = [action for action in actions if action["ex_date"] > day]
    shown = [one for one in versions if source in {None, one["source"]}]
    raw.read((one["object"], one["row"]) for one in [*shown, *actions])
    serving = explain_serving.explain_serving(served, versions, units, day)
    adjusted = explain_actions.explain_adjusted(lake, served, later) if served else []
    wrong, notes = explain_serving.problems_of(served, serving, versions)
    tree: Row = {
        "served": served,
        "serving": serving,
        "told_by": sorted({one["source"] for one in versions}),
        "versions": [_version(one, raw) for one in shown],
        "adjusted": adjusted,
        "actions": [_action(one, told, raw, day) for one in actions],
    }
    for row in adjusted:
        row["steps"] = [_step(step) for step in row["steps"]]
    tree["objects"] = raw.objects
    tree["problems"] = [
        *wrong,
        *explain_actions.problems_of(adjusted),
        *_untold(tree["versions"], "silver.bars_1d"),
        *_untold(tree["actions"], "gold.actions"),
        *raw.problems,
    ]
    tree["notes"] = [*([meant.note] if meant.note else []), *notes, *_not_served(tree, served)]
    return tree


def _version(version: Row, raw: RawObjects) -> Row:
    """A version with the line that told it first, and what of it differs from that line."""
    line = raw.line(version["object"], version["row"])
    told = raw.fields(line)
    differs = [name for name in (*PRICES, "volume") if not _says(told.get(name), version[name])]
    return version | {"raw": line, "told": told, "differs": differs if line["line"] is not None else []}


def _says(written: str | None, value: Any) -> bool:
    """Whether a text of the raw line is the number that silver has: of a 32-bit float any spelling of it."""
    if not written:
        return value is None
    try:
        number = float(written)
    except ValueError:
        return False
    return value is not None and math.isclose(number, float(value), rel_tol=1e-7)


def _untold(told: Iterable[Row], table: str) -> list[str]:
    return [
        f"{table} has {name} {text(one[name])} of {one['source']}, its line says {one['told'].get(name)}"
        for one in told
        for name in one["differs"]
    ]


def _action(action: Row, versions: Sequence[Row], raw: RawObjects, day: date) -> Row:
    """A served action with the line that told it, and its numbers as they were told, before its basis was undone."""
    line = raw.line(action["object"], action["row"])
    told = raw.fields(line)
    same = [one for one in versions if all(one[name] == action[name] for name in OF_VERSION)]
    as_told = {name: same[0][name] for name in AS_TOLD} if same else None
    ratio = told.get("split_ratio") or _quotient(told.get("numerator"), told.get("denominator"))
    found = {"amount": told.get("dividend") or told.get("amount"), "ratio": ratio}
    name = "amount" if action["ratio"] is None else "ratio"
    is_told = as_told is None or line["line"] is None or _says(found[name], as_told[name])
    return {name: action[name] for name in OF_ACTION} | {
        "is_of_this_day": action["ex_date"] == day,
        "raw": line,
        "told": found,
        "as_told": as_told,
        "differs": [] if is_told else [name],
    }


def _quotient(numerator: str | None, denominator: str | None) -> str | None:
    return str(float(numerator) / float(denominator)) if numerator and denominator else None


def _step(step: Row) -> Row:
    """A step with the actions that it names, which are told in full elsewhere."""
    names = ("kind", "amount", "ratio")
    return step | {"actions": [{name: action[name] for name in names} for action in step["actions"]]}


def _not_served(tree: Row, served: Row | None) -> list[str]:
    """Why silver knows of a day that gold does not serve."""
    if served is not None or not (tree["versions"] or tree["serving"]["candidates"]):
        return []
    candidates = tree["serving"]["candidates"]
    if not candidates:
        return ["not served: every version was taken back"]
    if tree["serving"]["chosen"] is None:
        barred = "; ".join(f"{one['source']}: {', '.join(one['barred_by'])}" for one in candidates)
        return [f"not served: {barred}"]
    return ["not served yet: run jobs/adjust_prices.py over this day"]
