"""What bronze.history tells of splits and dividends, which undo a vendor's basis."""

from typing import TYPE_CHECKING

from jobs.lake.configuration import Configuration
from jobs.lake.kept import keep
from transforms.actions import ACTIONS, NEEDED, actions_of_bars, check_actions, split_versions
from transforms.daily import check_daily, fetches_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def told_actions(history: "DataFrame", configuration: Configuration) -> "DataFrame":
    """All lines of actions, and what the rows of daily bars tell of such, kept: splits and dividends both follow."""
    from pyspark.sql import functions as F

    # of the objects with bars those whose lines tell of actions
    tells = F.map_contains_key("places", F.lit("split_ratio")) | F.map_contains_key(
        "places", F.lit("dividend")
    )
    in_rows = (
        history
        .transform(of_objects, tells)
        .transform(check_daily, listings=configuration.listings, sessions=configuration.sessions)
        .transform(actions_of_bars)
    )
    told = history.transform(check_actions, listings=configuration.listings)
    return keep(told.unionByName(in_rows, allowMissingColumns=True).select(*NEEDED, "violations"))


def split_versions_of(history: "DataFrame", told: "DataFrame") -> "DataFrame":
    """The versions of all splits that are `told`, kept."""
    fetches = history.transform(fetches_of, dataset=ACTIONS).where("NOT is_empty")
    return keep(told.transform(split_versions, fetches=fetches))


def of_objects(history: "DataFrame", condition: "Column") -> "DataFrame":
    """Bronze of the objects whose row 0 meets a condition."""
    objects = history.where("row = 0").where(condition).select("object")
    return history.join(objects.hint("broadcast"), on="object", how="left_semi")
