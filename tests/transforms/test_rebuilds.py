"""What a rebuild makes of rows that are stored and rows that must be."""

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from jobs.lake.kept import keep
from tests.builders import DAY, checked, quote, quotes
from transforms.rebuilds import aggregate_sessions, compare_rows, keep_one_each, revise_sessions, with_days
from transforms.schemas import GOLD_BARS_1M

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_a_row_is_inserted_updated_deleted_or_left_and_one_that_is_twice_there_is_made_one(
    spark: "SparkSession",
) -> None:
    columns = "key INT, value STRING"
    stored = spark.createDataFrame(
        [(1, "equal"), (2, "old"), (3, "gone"), (4, "twice"), (4, "twice"), (5, None), (6, None)], columns
    )
    wanted = spark.createDataFrame(
        [(1, "equal"), (2, "new"), (4, "twice"), (5, None), (6, "told"), (7, "new")], columns
    )
    rows = stored.transform(compare_rows, wanted=wanted, key=["key"]).orderBy("key", "change").collect()
    assert [tuple(row) for row in rows] == [
        (1, "equal", "untouched"),
        (2, "new", "update"),
        (3, "gone", "delete"),
        (4, "twice", "delete"),
        (4, "twice", "insert"),
        (5, None, "untouched"),
        (6, "told", "update"),
        (7, "new", "insert"),
    ]


def test_a_message_is_rebuilt_with_its_session_or_its_kafka_date_and_with_the_session_that_held_it(
    spark: "SparkSession",
) -> None:
    accepted, twin, other = "14:30:01 AAPL 10 1", "14:30:01 AAPL 10 1", "14:30:02 AAPL 11 2"
    far = quote("14:30:01 AAPL 10 1", event_time_us=quote(other).event_time_us + 90 * 86_400_000_000)
    held = quotes(spark, accepted).withColumn("session", F.lit(date(2023, 9, 4)))
    messages = checked(spark, accepted, twin, other, b"rubbish", far).transform(with_days, quotes=held)
    rows = messages.orderBy("offset").select("day", "was_of").collect()
    session, came, was = date(2023, 9, 5), date(2023, 9, 6), date(2023, 9, 4)
    assert [tuple(row) for row in rows] == [
        (session, was),
        (session, was),
        (session, None),
        (came, None),
        (came, None),
    ]


def test_of_equal_quotes_the_one_that_is_stored_stays_else_the_first(spark: "SparkSession") -> None:
    sent = quotes(
        spark, "14:30:01 AAPL 10 1", "14:30:01 AAPL 10 1", "14:30:02 AAPL 11 2", "14:30:02 AAPL 11 2"
    )
    stored = sent.where("offset = 1")
    kept = sent.transform(keep_one_each, stored=stored).orderBy("offset").collect()
    assert [row.offset for row in kept] == [1, 2]


def test_a_session_holds_its_bars_and_no_others_and_only_a_final_one_that_differs_is_revised(
    spark: "SparkSession",
) -> None:
    sent = quotes(
        spark, "14:30:01 AAPL 10 1", "14:31:01 AAPL 11 3", "14:32:01 AAPL 12 4", "14:33:01 AAPL 13 5"
    )
    bars = keep(sent.transform(aggregate_sessions, units=()))
    nothing = spark.createDataFrame([], GOLD_BARS_1M)
    right = keep(bars.transform(revise_sessions, stored=nothing, passed=F.lit(False)))
    wrong = F.when(F.minute("bar_start") < 32, F.lit(Decimal(99))).otherwise(F.col("close"))
    ghost = right.where("close = 10").withColumn("bar_start", F.col("bar_start") - timedelta(hours=1))
    stored = keep(
        right
        .where("close < 13")
        .withColumns({"close": wrong.cast("decimal(18, 6)"), "is_final": F.minute("bar_start") != 31})
        .unionByName(ghost)
    )
    passed = F.col("bar_start") < F.lit(DAY + timedelta(hours=14, minutes=34))
    rows = bars.transform(revise_sessions, stored=stored, passed=passed).orderBy("bar_start").collect()
    assert [(row.close, row.is_final, row.revision) for row in rows] == [
        (Decimal(10), True, 1),
        (Decimal(11), True, 0),
        (Decimal(12), True, 0),
        (Decimal(13), True, 0),
    ]
