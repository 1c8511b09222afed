"""The same quotes in any order, any batches, with any duplicates and any delay give the same bars."""

from datetime import UTC

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from producers.events import Quote
from tests.batches import MemoryLake
from tests.builders import DAY, micros, quote
from tests.oracle import Bar, bars_of

VALUES = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "vwap",
    "quote_count",
    "volume_is_complete",
    "day_volume_high",
)
OPEN_US = micros(DAY) + 13 * 3_600_000_000 + 30 * 60_000_000

# a batch costs the same with one symbol or with many, so each example holds a case for each of them
CASES = [f"CASE{n}" for n in range(12)]
# three minutes around the open: both segments, many quotes in one second, few prices, volumes that fall or are unknown
SECONDS = st.integers(0, 179).map(lambda s: f"13:{28 + s // 60 + (s // 90)}:{s % 60:02d}")
QUOTES = st.builds(
    lambda clock, symbol, price, volume: quote(f"{clock} {symbol} {price} {volume}"),
    SECONDS,
    st.sampled_from(CASES),
    st.sampled_from(["10", "10.5", "9.999999", "0.000001", "123456789012.5"]),
    st.sampled_from(["-", "1", "2", "7", "1000000007", "9223372036854775807"]),
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Quote], list[list[Quote]]]:
    """Quotes, and batches in which they come: in any order, some of them again, cut anywhere."""
    quotes = draw(st.lists(QUOTES, min_size=40, max_size=120))
    again = draw(st.lists(st.sampled_from(quotes), min_size=5, max_size=40))
    order = draw(st.permutations(quotes + again))
    cuts = sorted(draw(st.lists(st.integers(1, len(order)), max_size=4, unique=True)))
    batches = [order[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return quotes, [batch for batch in batches if batch]


def as_bars(lake: MemoryLake) -> dict[tuple[str, int], Bar]:
    return {
        (row.symbol, micros(row.bar_start.astimezone(UTC))): tuple(row[name] for name in VALUES)
        for row in lake.bars()
    }


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@examples(4)
@given(deliveries())
def test_any_order_any_duplicates_any_batches_give_the_same_bars(
    spark: SparkSession, delivered: tuple[list[Quote], list[list[Quote]]]
) -> None:
    gives_the_same(spark, *delivered)


@pytest.mark.long
@examples(16)
@given(deliveries())
def test_many_of_them_give_the_same_bars(
    spark: SparkSession, delivered: tuple[list[Quote], list[list[Quote]]]
) -> None:
    gives_the_same(spark, *delivered)


def gives_the_same(spark: SparkSession, quotes: list[Quote], batches: list[list[Quote]]) -> None:
    lake = MemoryLake(spark)
    for batch in batches:
        lake.take(batch)
    assert as_bars(lake) == bars_of(quotes, open_us=OPEN_US)


@pytest.mark.long
def test_batches_of_one_quote_in_reverse_give_the_same_bars(spark: SparkSession) -> None:
    quotes = [quote(f"14:3{n // 3}:0{n % 3} AAPL {10 + n} {100 + (n * 7) % 5 * 10}") for n in range(7)]
    lake = MemoryLake(spark)
    for one in reversed(quotes):
        lake.take([one])
    assert as_bars(lake) == bars_of(quotes, open_us=OPEN_US)


def test_it_does_not_matter_whether_silver_has_committed(spark: SparkSession) -> None:
    quotes = [quote("14:30:01 AAPL 10 100"), quote("14:31:01 AAPL 11 150"), quote("14:30:30 AAPL 12 120")]
    lake = MemoryLake(spark)
    for one in quotes:
        lake.take([one], silver_first=True)
    assert as_bars(lake) == bars_of(quotes, open_us=OPEN_US)
    assert lake.silver.count() == 3
