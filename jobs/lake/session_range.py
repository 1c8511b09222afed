"""The sessions that a job works on."""

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column


def in_sessions(first: date, last: date) -> "Column":
    """Whether a row is of a session of [first, last)."""
    from pyspark.sql import functions as F

    return (F.col("session") >= F.lit(first)) & (F.col("session") < F.lit(last))
