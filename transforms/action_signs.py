"""What is worked out of an action and the bars around it for the rules to judge by, as SQL.

`rows` are the bars near its day, in order: session, `level` (the close's logarithm as if no share had ever been split),
`shares` (the logarithm of the splits in it) and `part`, what a told adjusted close is of the close.
"""

from transforms.suspicion_rules import (
    ACTION_DEVIATIONS,
    ADJUSTMENT_SHOWS,
    DIVIDEND_SHOWS,
    DIVIDEND_UNIT,
    ROBUST,
    SPLIT_SHOWS,
    USUAL_COUNT,
    USUAL_DAYS,
)
from transforms.suspicion_signs import median

LOW, HIGH = DIVIDEND_UNIT
_LEVELS = "transform({}, x -> x.level)"
_OTHERS = (
    "transform(filter(paid, p -> kind != 'split' AND p.day != ex_date "
    f"AND abs(datediff(p.day, ex_date)) <= {USUAL_DAYS}), p -> p.step)"
)
_PLACED: dict[str, str] = {
    "until": "filter(rows, x -> x.session < ex_date)",
    "since": "filter(rows, x -> x.session >= ex_date)",
    # from each session to the next one
    "moves": "transform(slice(rows, 2, size(rows)), (x, n) -> "
    "struct(x.session AS day, x.level - rows[n].level AS move))",
    "told": "coalesce(cast(amount AS DOUBLE), 0)",
    "others": _OTHERS,
    "step": "ln(ratio)",
}
_COMPARED: dict[str, str] = {
    "last": "get(until, size(until) - 1)",
    "first": "get(since, 0)",
    "next": "get(since, 1)",
    "usual_move": f"{ROBUST} * {median('transform(moves, m -> abs(m.move))')}",
    "usual_amount": f"if(size(others) >= {USUAL_COUNT}, {median('others')}, null)",
    "shift": f"{median(_LEVELS.format('slice(since, 1, 3)'))} - "
    f"{median(_LEVELS.format('slice(reverse(until), 1, 3)'))}",
}
_MEASURED: dict[str, str] = {
    # the last close before, in shares of the day
    "price": "exp(last.level - first.shares)",
    "fall": "last.level - first.level",
    "day": "first.session",
}
_WEIGHED: dict[str, str] = {
    "share": "told / price",
    # what all dividends of the day take of the price
    "taken": "-ln(nullif(greatest(1 - aggregate(filter(paid, p -> p.day > last.session AND p.day <= day), 0D, "
    "(sum, p) -> sum + p.step) / price, 0), 0))",
    # with the day's bar, or with the one after it, as Yahoo has it in weeks
    "adjusted_by": "array(1 - try_divide(last.part, first.part), 1 - try_divide(last.part, next.part))",
}
_IS_UNUSUAL = f"try_divide(told, usual_amount) BETWEEN {LOW} AND {HIGH}"
# the price fell by 100 times of it
_IS_HUNDREDTH = (
    f"try_divide(usual_amount, told) BETWEEN {LOW} AND {HIGH} "
    f"AND 100 * share > greatest({DIVIDEND_SHOWS}, {ACTION_DEVIATIONS} * usual_move) "
    "AND try_divide(-fall, ln(1 - 100 * share)) BETWEEN 0.5 AND 1.5"
)
_DUE: dict[str, str] = {
    # by how much the price must fall, null if by more than there is
    "due": "-ln(nullif(greatest(1 - share, 0), 0))",
}
_JUDGED: dict[str, str] = {
    "fell": "coalesce(fall > due / 2, false)",
    "shows": f"share > greatest({DIVIDEND_SHOWS}, {ACTION_DEVIATIONS} * usual_move)",
    "is_phantom": f"abs(step) > greatest({SPLIT_SHOWS}, {ACTION_DEVIATIONS} * usual_move) "
    "AND (shift + coalesce(taken, 0)) / nullif(step, 0) BETWEEN 0.5 AND 1.5",
    "adjusted_least": f"if(share > {ADJUSTMENT_SHOWS}, array_min(adjusted_by) / share, null)",
    "adjusted_most": f"if(share > {ADJUSTMENT_SHOWS}, array_max(adjusted_by) / share, null)",
}
_NAMED: dict[str, str] = {
    "is_too_large": "shows AND NOT fell",
    "is_dividend_unit_error": f"coalesce(({_IS_UNUSUAL} AND shows AND NOT fell) OR ({_IS_HUNDREDTH}), false)",
    # of a split: what stands in the levels instead of it
    "shows_elsewhere": "coalesce(exists(moves, m -> m.day != day AND "
    "if(kind = 'split', abs(m.move + step) < abs(step) / 4, abs(m.move + due) < due / 4)), false)",
}
ACTION_SIGNS = (_PLACED, _COMPARED, _MEASURED, _WEIGHED, _DUE, _JUDGED, _NAMED)
