"""Quotes of silver that are in memory: never less than silver holds from the asked minute on."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobs.lake import read, recent
from jobs.lake.kept import keep
from jobs.lake.settings import Settings
from tests.builders import DAY, quotes
from transforms.revisions import TO_SEQUENCE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

START = DAY + timedelta(hours=14, minutes=30)
MINUTES = 10
SETTINGS = Settings.model_construct(lateness_minutes=1)  # remembered: three minutes


class Silver:
    """The table as it stands, and how often it was read."""

    def __init__(self, spark: "SparkSession") -> None:
        self.rows, self.reads = quotes(spark), 0

    def take(self, added: "DataFrame") -> None:
        self.rows = keep(self.rows.unionByName(added))

    def read(self, *_: object) -> "DataFrame":
        self.reads += 1
        return self.rows


def minute(number: int, spark: "SparkSession") -> "DataFrame":
    at = START + timedelta(minutes=number)
    return keep(quotes(spark, f"{at:%H:%M}:10 AAPL {10 + number} {number + 1}"))


@pytest.mark.long
@pytest.mark.parametrize("begin", [0, 4])
def test_every_quote_from_a_minute_on_is_there_from_memory_or_from_silver(
    spark: "SparkSession", monkeypatch: pytest.MonkeyPatch, begin: int
) -> None:
    silver = Silver(spark)
    monkeypatch.setattr(read, "table", silver.read)
    for number in range(begin):
        silver.take(minute(number, spark))
    monkeypatch.setattr(recent, "MOST_PARTS", 2)
    memory = recent.RecentQuotes(spark, SETTINGS, silver_is_empty=begin == 0)
    for number in range(begin, MINUTES):
        newest = START + timedelta(minutes=number, seconds=10)
        for back in (0, 5):
            first = START + timedelta(minutes=max(0, number - back))
            found = memory.since(first, newest=newest, sessions=[DAY.date()])
            assert found.columns == TO_SEQUENCE
            wanted = silver.rows.where(f"bar_start >= timestamp '{first:%Y-%m-%d %H:%M}:00'")
            missing = wanted.select("event_id").exceptAll(found.select("event_id"))
            assert missing.count() == 0, (number, back)
        added = minute(number, spark)
        silver.take(added)
        memory.add(added, rows=1, newest=newest)
    # memory answers for the newest minutes, silver for what was forgotten
    reads = silver.reads
    newest = START + timedelta(minutes=MINUTES)
    memory.since(newest - timedelta(minutes=2), newest=newest, sessions=[DAY.date()])
    assert silver.reads == reads
    memory.since(START, newest=newest, sessions=[DAY.date()])
    assert silver.reads == reads + 1
    # after it has forgotten everything it asks silver again
    memory.forget()
    found = memory.since(newest - timedelta(minutes=2), newest=newest, sessions=[DAY.date()])
    assert silver.reads == reads + 2
    assert found.count() >= 2
