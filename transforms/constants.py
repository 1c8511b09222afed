"""Values that differ in every batch, as data of the plan.

A literal number or timestamp is text of the code that Spark generates: a batch with another one would compile its
stages anew, which costs more than to run them. A decimal literal is data, as long as the optimizer cannot fold it away:
it knows what a number times 0 is, and does not know what it is modulo 1.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def whole_number(value: int, *, beside: Column) -> Column:
    """`value` in every row; `beside` is any whole number of the row that is not null."""
    return (F.lit(Decimal(value)) + beside % F.lit(1)).cast("long")


def moment(value: datetime, *, beside: Column) -> Column:
    """The time `value` in every row; `beside` as above."""
    return F.timestamp_micros(whole_number((value - EPOCH) // timedelta(microseconds=1), beside=beside))
