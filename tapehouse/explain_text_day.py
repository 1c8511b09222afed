"""A day explained, as branches of a tree."""

from collections.abc import Sequence

from rich.tree import Tree

from tapehouse.explain_lake import Row, text
from tapehouse.explain_raw import AS_FETCHED, AS_LOADED
from tapehouse.explain_text import BAD, DIM, PRICES, flags, line, number, numbers, whole

NUMBERS, FACTORS = (*PRICES, "volume"), ("factor", "volume_factor")


def draw_day(root: Tree, tree: Row) -> None:
    at = {one["object"]: n for n, one in enumerate(tree["objects"], 1)}
    if tree["served"] or tree["serving"]["candidates"]:
        _served(root, tree)
    if tree["versions"]:
        versions = root.add(line(f"versions of this day in silver.bars_1d: {len(tree['versions'])}"))
        for version in tree["versions"]:
            _version(versions, version, at)
    if tree["adjusted"]:
        adjusted = root.add(line("adjusted prices in gold.adjusted_bars_1d"))
        for row in tree["adjusted"]:
            _adjusted(adjusted.add(line(row["basis"])), row)
    if tree["actions"]:
        actions = root.add(line("actions of this day and later in gold.actions, the last first"))
        for action in tree["actions"]:
            _action(actions, action, tree["adjusted"], at)
    if tree["objects"]:
        objects = root.add(line("objects of the raw bucket"))
        for one in tree["objects"]:
            _object(objects, one, at[one["object"]])


def _served(root: Tree, tree: Row) -> None:
    served, serving = tree["served"], tree["serving"]
    if served is None:
        branch = root.add(line("gold.bars_1d does not serve it", "bold"))
    else:
        branch = root.add(line(f"{served['source']} serves it in gold.bars_1d", "bold"))
        branch.add(line(numbers(served, NUMBERS)))
        branch.add(line(f"known from {text(served['known_from'])}, flags: {flags(served['flags'])}"))
        branch.add(line(f"confidence {_confidence(served['confidence'], serving['because'])}"))
    rule = branch.add(line(f"the rule: {serving['rule']}"))
    for one in serving["candidates"]:
        chosen = ", chosen" if one["source"] == serving["chosen"] else ""
        close = (
            "not known" if one["close"] is None else f"{one['close']:.12g} {one['currency'] or ''}".rstrip()
        )
        told = rule.add(line(f"{one['source']}{chosen}: close {close} as traded"))
        told.add(line(_factors(one), DIM))
        if one["barred_by"]:
            told.add(line(f"barred by {', '.join(one['barred_by'])}"))


def _confidence(stored: str, because: str | None) -> str:
    """What is stored, with the reason where the sources give the same now."""
    if because and because.partition(":")[0] == stored:
        return because
    return f"{stored}, while by what the sources tell now: {because or 'nothing'}"


def _factors(one: Row) -> str:
    units = f"{one['unit']} -> {one['currency']}"
    divided = f", divided by {one['divisor']} ({units})" if one["divisor"] != 1 else ""
    return f"as told, times split_factor {number(one['split_factor'])}{divided}"


def _version(root: Tree, version: Row, at: dict[str, int]) -> None:
    until = text(version["known_to"]) if version["known_to"] else "now"
    branch = root.add(line(f"{version['source']}: from {text(version['known_from'])} until {until}"))
    branch.add(line(numbers(version, NUMBERS)))
    factor = number(version["split_factor"])
    branch.add(line(f"basis {version['basis']}, split_factor {factor}, flags: {flags(version['flags'])}"))
    _raw(branch, version["raw"], at)


def _raw(root: Tree, raw: Row, at: dict[str, int]) -> None:
    is_good = raw["state"] == AS_LOADED
    said = "as bronze.history has it" if is_good else raw["state"]
    branch = root.add(line(f"[{at[raw['object']]}] line {raw['row']}, {said}:", "" if is_good else BAD))
    branch.add(whole(raw["line"], "cyan") if raw["line"] is not None else line("(nothing)", BAD))
    if not is_good and raw["loaded"] is not None:
        loaded = branch.add(line("what was loaded, as bronze.history has it:", BAD))
        loaded.add(whole(raw["loaded"], BAD))


def _adjusted(branch: Tree, row: Row) -> None:
    branch.add(line(numbers(row, NUMBERS)))
    branch.add(line(numbers({name: row[name] for name in FACTORS}, FACTORS)))
    if row["formula"]:
        branch.add(line(f"the factor: {row['formula']}", DIM))
    steps = len(row["steps"])
    if row["basis"] == "raw":
        return
    verdict = "which is NOT stored" if "factor" in row["differs"] else "which is the stored factor"
    worked_out = number(row["worked_out"]["factor"])
    of_steps = "its one step" if steps == 1 else f"the product of its {steps} steps"
    said = f"{of_steps}, told below" if steps else "without any later action"
    branch.add(line(f"{said}: {worked_out}, {verdict}", BAD if row["differs"] else ""))


def _action(root: Tree, action: Row, adjusted: Sequence[Row], at: dict[str, int]) -> None:
    what = f"{action['kind']} {_how_much(action)}"
    branch = root.add(line(f"{action['ex_date']} {what}, told by {action['source']}"))
    known, found = text(action["known_from"]), flags(action["flags"])
    branch.add(line(f"known from {known}, confidence {action['confidence']}, flags: {found}"))
    told = action["as_told"]
    if told and told["amount"] is not None and told["amount"] != action["amount"]:
        factor = number(told["split_factor"])
        unit = f"{number(told['amount'])} {told['currency'] or ''}".rstrip()
        branch.add(line(f"told as {unit}, basis {told['basis']}, split_factor {factor}"))
    if action["is_of_this_day"]:
        branch.add(line("of this very day: it counts for the days before it"))
    is_split = action["ratio"] is not None
    for row in adjusted:
        for step in row["steps"]:
            if step["ex_date"] == action["ex_date"] and (step["kind"] == "split") == is_split:
                branch.add(line(f"{row['basis']}: x {number(step['step'])}{_working(step, row['basis'])}"))
    _raw(branch, action["raw"], at)


def _how_much(action: Row) -> str:
    if action["ratio"] is not None:
        return f"{action['ratio']:g} new for 1 old"
    return f"{number(action['amount'])} {action['currency'] or ''}".rstrip()


def _working(step: Row, basis: str) -> str:
    """How a step comes about, with the numbers that go in."""
    if step["kind"] == "split":
        return f" = 1 / {step['actions'][0]['ratio']:g}"
    paid = " + ".join(number(one["amount"]) for one in step["actions"])
    is_before = basis == "total_return_yahoo"
    close = step["close_before" if is_before else "close"]
    if close is None:
        return ": no close near it"
    price, day = number(close["close"]), close["session"]
    if step["step"] >= 1:
        return f": {paid} is not less than {price}, the close of {day}"
    if is_before:
        return f" = 1 - {paid} / {price}, C of {day}"
    return f" = C / (C + {paid}), C = {price} of {day}"


def _object(root: Tree, one: Row, n: int) -> None:
    branch = root.add(whole(f"[{n}] {one['object']}", "" if one["state"] == AS_FETCHED else BAD))
    branch.add(line(f"{one['state']}: sha256 {one['sha256']}, checked"))
    branch.add(line(f"source {one.get('source')}, request {one.get('request')} ({one.get('request_id')})"))
    facts = [f"{name} {one[name]}" for name in ("fetched_at", "basis", "file") if one.get(name)]
    covers = one.get("covers")
    facts.append(f"covers {covers[0]} to {covers[1]}" if covers else "covers: not said")
    branch.add(line(", ".join(facts)))
    stem = one["object"].rpartition(".")[0]
    for what in ("sidecar", "body"):
        beside = one[what]
        name = str(beside["object"]).removeprefix(stem)
        sha = f": sha256 {beside['sha256']}, checked" if "sha256" in beside else ""
        is_good = beside["state"] == AS_FETCHED
        branch.add(line(f"{what} beside it, {name}, {beside['state']}{sha}", DIM if is_good else BAD))
