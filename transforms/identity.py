"""Two things under one name: tellings of one bar that are too far apart to be of one instrument."""

from math import log

from pyspark.sql import Column
from pyspark.sql import functions as F

from transforms.suspicion_rules import SPLIT_RATIOS, UNIT

# a correction of a close is not larger
CORRECTION = log(1.5)
# A split that a vendor has undone since, and a unit, change a price by exactly their ratio: two prices in whole cents
# show it within this.
EXACT_RATIO = 0.005
UNDONE_RATIOS = (1.5, 2.5, *SPLIT_RATIOS)


def identity_marks() -> dict[str, Column]:
    """What a telling and the one before it say of the instrument's identity (see `to_versions`).

    `told_apart`: no split and no other unit explains how they differ. `told_higher`, `told_lower`: a split may, but
    none turns a price up and down again.
    """
    now, before = (F.log(F.col(f"{row}close") * F.col(f"{row}split_factor")) for row in ("", "before."))
    step = now - before
    is_unit = F.abs(F.abs(step) - UNIT) < EXACT_RATIO
    is_far = (F.abs(step) > CORRECTION) & ~is_unit
    is_split = F.lit(False)
    for ratio in UNDONE_RATIOS:
        is_split |= F.abs(F.abs(step) - log(ratio)) < EXACT_RATIO
    return {
        "told_apart": is_far & ~is_split,
        "told_higher": is_far & (step > 0),
        "told_lower": is_far & (step < 0),
    }
