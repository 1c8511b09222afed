"""What is worked out of a bar and its neighbours for the rules to judge by, as SQL.

`level` is the close's logarithm as if no share had ever been split; `before` holds those of the bars before, nearest
first, `after` the days and levels of those that follow.
"""

from math import log

from transforms.suspicion_rules import (
    ACTION_NEAR,
    BELIEVED,
    CALM_DAY,
    DEVIATIONS,
    JUMP,
    NEAR_DAYS,
    NIGHT,
    QUIET,
    ROBUST,
    SPLIT_RATIOS,
    SPLIT_SHOWS,
    UNIT,
    UNIT_DRIFT,
    VOLUME_PART,
    VOLUME_USUAL,
    WEEK,
)


def median(array: str) -> str:
    """The median of an array of numbers, null of an empty one."""
    ordered = f"array_sort({array})"
    n = f"size({array})"
    return f"if({n} > 0, (get({ordered}, ({n} - 1) div 2) + get({ordered}, {n} div 2)) / 2, null)"


def _is_off(level: str) -> str:
    return f"abs(abs({level} - level) - {UNIT}) < {UNIT_DRIFT}"


PRICES = "(open, high, low, close)"
STALE = f"volume > 0 AND print = print1 AND print = print2 AND session2 >= date_sub(session, {NEAR_DAYS})"
_VOLUMES = f"array({', '.join(f'volume{n}' for n in range(1, BELIEVED + 1))})"
_MEDIAN_VOLUME = median(f"array_compact({_VOLUMES})")
# asked only where the volume falls
USUAL_VOLUME = (
    f"if(volume < {VOLUME_PART} * array_max({_VOLUMES}) AND session{BELIEVED} >= date_sub(session, {NEAR_DAYS}), "
    f"if({_MEDIAN_VOLUME} >= {VOLUME_USUAL}, {_MEDIAN_VOLUME}, null), null)"
)

# a drift that is quiet day by day may be as large as a split
HAS_SPLIT_NEAR = f"coalesce(exists(splits, s -> abs(datediff(s.day, session)) <= {NEAR_DAYS}), false)"
# the first bars from this one on
SINCE = f"slice(concat(array(level), transform(after, x -> x.level)), 1, {BELIEVED})"
MOVES_BEFORE = "transform(slice(before, 2, size(before)), (x, n) -> abs(before[n] - x))"
PAID = "aggregate(filter(paid, p -> p.day > day_before AND p.day <= session), 0D, (sum, p) -> sum + p.step)"
SPLIT_AHEAD = (
    f"get(filter(splits, s -> s.day > session AND s.day <= date_add(session, {NEAR_DAYS}) "
    f"AND abs(s.step) >= {SPLIT_SHOWS}), 0)"
)

_COUNTED: dict[str, str] = {
    "gain": f"coalesce(ln(1 + try_divide({PAID}, cast(close AS DOUBLE))), 0)",
    "off_before": f"transform(before, x -> {_is_off('x')})",
    "off_after": f"transform(after, x -> {_is_off('x.level')})",
    "spread": f"ln(cast(greatest{PRICES} AS DOUBLE)) - ln(cast(least{PRICES} AS DOUBLE))",
    "split_ahead": f"if(before IS NULL, null, {SPLIT_AHEAD})",
    "base": median(f"slice(before, 1, {BELIEVED})"),
}
_PLACED: dict[str, str] = {
    # how many are off, where the nearest one stands, and how many beyond it agree with this bar
    "others_before": "size(filter(off_before, x -> x))",
    "others_after": "size(filter(off_after, x -> x))",
    "nearest_before": "nullif(array_position(off_before, true), 0)",
    "nearest_after": "nullif(array_position(off_after, true), 0)",
    "step": "level - get(before, 0)",
    "move": "level + gain - get(before, 0)",
    "night": "level + ln(cast(open AS DOUBLE)) - ln(cast(close AS DOUBLE)) + gain - get(before, 0)",
    "shift": f"{median(SINCE)} + gain - base",
    "usual_move": f"if(size(before) > {BELIEVED}, {ROBUST} * {median(MOVES_BEFORE)}, null)",
    "after_split": median(
        "slice(transform(filter(after, x -> x.session >= split_ahead.day), x -> x.level), 1, 3)"
    ),
}

# the bars before were at another level, which they had come to believe in: more of them than agree with this one
_BY_PAST = (
    f"(others_before >= {BELIEVED} AND others_before > size(off_before) - nearest_before + 1 - others_before)"
)
# or this one's level is shorter than a belief, and those after it are at another
_BY_FUTURE = (
    f"(coalesce(nearest_before - 1, size(off_before)) + nearest_after <= {BELIEVED - 1} "
    f"AND others_after >= {BELIEVED} "
    "AND others_after > size(off_after) - nearest_after + 1 - others_after)"
)
_IS_RIGHT = "abs({} - after_split) < abs(split_ahead.step) / 3"
_RATIOS = ", ".join(f"{log(ratio)}D" for ratio in SPLIT_RATIOS)
_JUDGED: dict[str, str] = {
    "is_unit_error": (
        f"coalesce(abs(spread - {UNIT}) < {UNIT_DRIFT}, false) OR coalesce({_BY_PAST}, false) "
        f"OR coalesce({_BY_FUTURE}, false)"
    ),
    "is_partly_adjusted": (
        f"abs(abs(level - after_split) - abs(split_ahead.step)) < least({QUIET}, abs(split_ahead.step) / 3) "
        f"AND (exists(before, x -> {_IS_RIGHT.format('x')}) "
        f"OR exists(after, x -> x.session < split_ahead.day AND {_IS_RIGHT.format('x.level')}))"
    ),
    "fits_split": (
        f"exists(array({_RATIOS}), q -> abs(abs(night) - q) < {NIGHT} AND abs(abs(shift) - q) < {WEEK}) "
        f"AND night * shift > 0 AND spread < {CALM_DAY} AND abs(step) >= {QUIET}"
    ),
    "near_split": (
        f"exists(splits, s -> abs(datediff(s.day, session)) <= {ACTION_NEAR} "
        f"AND abs(abs(move) - abs(s.step)) < {WEEK})"
    ),
    "moved": (
        f"abs(move) > {JUMP} AND abs(level + gain - base) > {JUMP} AND abs(move) > {DEVIATIONS} * usual_move "
        # a dividend that nobody paid is no move of the price
        f"AND abs(step) >= {QUIET}"
    ),
}
_NAMED: dict[str, str] = {
    "is_missed_split": "fits_split AND NOT is_unit_error AND NOT coalesce(near_split, false)",
    "is_jump": (
        "moved AND NOT coalesce(fits_split, false) AND NOT is_unit_error "
        "AND NOT coalesce(is_partly_adjusted, false) AND NOT coalesce(near_split, false)"
    ),
}
SIGNS = (_COUNTED, _PLACED, _JUDGED, _NAMED)
