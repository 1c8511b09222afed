"""The rules for values that are right by themselves and wrong among their neighbours, as data: what must hold.

They flag and never mend. Each leaves the row as it is, with the rule's name. Where too little is known nothing is said.
"""

from collections.abc import Mapping
from math import log
from typing import NamedTuple

# a bar is compared with so many before and after it, none further away than so many days
NEIGHBOURS, NEAR_DAYS = 15, 31
# Several bars in a row are a level that is believed; fewer may be the error itself.
BELIEVED = 5
# a price in the other unit: pence for pounds. Within a month prices drift, but hardly by more than a third
UNIT, UNIT_DRIFT = log(100), log(1.35)
# ratios of nearly all splits, and their inverses; smaller ones look like a bad day
SPLIT_RATIOS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50)
# The open of such a day is the close before it but for a night's move; the level afterwards is a week's move away.
NIGHT, WEEK = 0.03, 0.15
# a split's shares change hands as calmly as the old ones did: after a crash the day's prices lie apart
CALM_DAY = log(1.12)
# what may be a jump at all: fewer than one session in a thousand moves so far
JUMP = log(1.3)
# and it is one only beyond so many times the robust deviation of the sessions before it
DEVIATIONS = 8
# of an absolute median deviation the standard deviation, if the moves are normal
ROBUST = 1.4826
# a volume below this part of the usual one, where usually at least so many shares are traded
VOLUME_PART, VOLUME_USUAL = 0.01, 10_000
# of unequal neighbours nothing more is asked where all lie within this
QUIET = log(1.25)


class Suspicion(NamedTuple):
    """What must hold, of the columns that suspicion_signs.py and action_signs.py add, and what it means if not."""

    holds: str
    means: str


BAR_SUSPICIONS: dict[str, Suspicion] = {
    "unit_error": Suspicion(
        "NOT coalesce(is_unit_error, false)",
        "one of its prices, or all, are 100 times or a hundredth of those around it",
    ),
    "partly_adjusted": Suspicion(
        "NOT coalesce(is_partly_adjusted, false)",
        "in the month before a split it is off by that split's ratio, and others before the split are not",
    ),
    "missed_split": Suspicion(
        "NOT coalesce(is_missed_split, false)",
        "it opens on another level by the ratio of a split and stays there, and none is told within two weeks",
    ),
    "price_jump": Suspicion(
        "NOT coalesce(is_jump, false)",
        f"it moves by a factor of 1.3 or more, beyond {DEVIATIONS} robust deviations of the sessions before it, and no "
        "action or other flag explains that",
    ),
    "stale": Suspicion(
        "NOT coalesce(is_stale, false)",
        "its prices and its volume, not 0, are those of both sessions before it",
    ),
    "moved_without_volume": Suspicion(
        "coalesce(volume != 0 OR high = low, true)", "its volume is 0, and its prices differ"
    ),
    "volume_fall": Suspicion(
        f"coalesce(volume >= {VOLUME_PART} * usual_volume, true)",
        f"its volume is below a hundredth of the usual one, which is {VOLUME_USUAL} shares or more",
    ),
}
ADJUSTED_SUSPICIONS: dict[str, Suspicion] = {
    "adj_close_impossible": Suspicion(
        "coalesce(adj_close > 0 AND adj_close <= 1.01 * close, adj_close IS NULL)",
        "a vendor's adjusted close is not positive, or above the close: dividends are paid, never taken",
    ),
}

# a split is looked for in the price where it is larger than this and than the usual moves
SPLIT_SHOWS = log(1.2)
# a dividend where it is more than this part of the price, and more than the usual moves
DIVIDEND_SHOWS = 0.05
ACTION_DEVIATIONS = 5
# so many days from an action prices are looked at
ACTION_NEAR = 14
# the other dividends of these days say what is usual, where there are so many
USUAL_DAYS, USUAL_COUNT = 1100, 2
# what is 100 times the usual dividend, which is not the same each time
DIVIDEND_UNIT = (60, 160)
# a dividend below this part of the price is lost in the rounding of an adjusted close
ADJUSTMENT_SHOWS = 0.002

ACTION_SUSPICIONS: dict[str, Suspicion] = {
    "phantom_split": Suspicion(
        "NOT coalesce(is_phantom AND NOT shows_elsewhere, false)",
        "prices go on as if there had been no split",
    ),
    "split_wrong_day": Suspicion(
        "NOT coalesce(is_phantom AND shows_elsewhere, false)",
        "so they do on its day, and move by its ratio on another one within two weeks",
    ),
    "dividend_unit_error": Suspicion(
        "NOT coalesce(is_dividend_unit_error, false)",
        "it is 100 times, or a hundredth of, the instrument's usual dividend, and the price did not fall by it",
    ),
    "dividend_too_large": Suspicion(
        "NOT coalesce(is_too_large AND NOT is_dividend_unit_error AND NOT shows_elsewhere, false)",
        "it is more than the price, or the price falls by less than half of it on every day near",
    ),
    "dividend_wrong_day": Suspicion(
        "NOT coalesce(is_too_large AND NOT is_dividend_unit_error AND shows_elsewhere, false)",
        "the price falls by it on another day within two weeks",
    ),
}
ADJUSTMENT_SUSPICIONS: dict[str, Suspicion] = {
    "dividend_not_adjusted": Suspicion(
        "coalesce(adjusted_most >= 0.5, true)",
        "a vendor's adjusted close falls by less than half of it",
    ),
    "dividend_over_adjusted": Suspicion(
        "coalesce(adjusted_least <= 1.5, true)",
        "a vendor's adjusted close falls by more than one and a half times of it",
    ),
}


def holding(rules: Mapping[str, Suspicion]) -> dict[str, str]:
    """What must hold, by the rule's name."""
    return {name: rule.holds for name, rule in rules.items()}
