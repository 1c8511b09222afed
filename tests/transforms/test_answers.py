"""What an answer says of the days that it covers, and of those of which it could not be read."""

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from transforms.answers import answers_of, refused_of
from transforms.history_schemas import BRONZE_HISTORY, HISTORY_REJECTED

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long


def test_an_answer_is_none_for_the_days_of_its_lines_that_were_rejected(spark: "SparkSession") -> None:
    def answer(name: str, **other: Any) -> tuple[Any, ...]:
        row = {"object": name, "row": 0, "source": "yahoo", "dataset": "bars_1d", "asked_for": name}
        row |= {"header": "Date", "covers_from": date(2026, 11, 1), "covers_to": date(2026, 12, 1)} | other
        return tuple(row.get(column) for column in BRONZE_HISTORY.names)

    def line(name: str, text: str, violation: str) -> tuple[Any, ...]:
        row = {"object": name, "row": 2, "line": text, "violations": [violation]}
        return tuple(row.get(column) for column in HISTORY_REJECTED.names)

    history = spark.createDataFrame([answer(name) for name in "ABCD"], BRONZE_HISTORY)
    rejected = spark.createDataFrame(
        [
            line("B", "2026-11-24 00:00:00-05:00,1,x,1,1", "price_not_a_number"),
            line("C", "1795000000,1,x,1,1", "price_not_a_number"),
            line("D", "2026-11-24,,,,", "no_prices"),
        ],
        HISTORY_REJECTED,
    )
    whole = history.transform(answers_of, rejected=rejected).orderBy("instrument_id").collect()
    assert [row.instrument_id for row in whole] == ["A", "B", "D"]
    (refused,) = history.transform(refused_of, rejected=rejected).collect()
    assert tuple(refused) == ("yahoo", "B", "1 day", date(2026, 11, 24))
