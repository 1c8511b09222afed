"""python -m tests.bench.plain_bars [--at-most N] [--every SECONDS]

The plain alternative with bars: as plain_bronze.py, and the minutes that a batch touches are added up by polars from
the quotes of the last 15 minutes, which it keeps in memory, and appended.

What it lacks, beside what plain_bronze.py lacks: after a restart the kept quotes are gone and bars come out wrong;
later quotes than 15 minutes are ignored; the reader picks the newest row of a bar; no session, no finality, no exact
decimals.
"""

import sys
import time

import polars as pl
from confluent_kafka import Message

from tests.bench.plain_bronze import BRONZE, AppendedTable, End, bronze, main

BARS = "gold.plain_bars"
LACKS = "as plain bronze, but distinct quotes of 15 minutes; state after a restart, sessions, finality"
KEPT_US = 15 * 60_000_000
CANONICAL = (
    r'^\{"schema_version":1,"event_id":"(?P<event_id>[0-9a-f]{32})","source":"(?P<source>\w+)",'
    r'"vendor_symbol":"(?P<symbol>[^"]+)","event_time_us":(?P<event_time>\d+),"price":"(?P<price>\d+\.?\d*)",'
    r'"day_volume":(?P<day_volume>\d+|null),"market_hours":"(?P<market_hours>\w+)",'
)
VOLUME = pl.col("traded").sum()


class Bars:
    """The quotes of the last 15 minutes of each symbol, and the bars that are made of them."""

    def __init__(self) -> None:
        self._kept = parse([])

    def add(self, values: list[bytes]) -> pl.DataFrame:
        """The bars of the minutes that these messages touch."""
        new = parse(values)
        newest = pl.col("event_time").max().over("symbol")
        self._kept = (
            pl
            .concat([self._kept, new])
            .unique("event_id", keep="first")
            .filter(pl.col("event_time") >= newest - KEPT_US)
            .sort("symbol", "event_time", "day_volume", "event_id")
        )
        rise = pl.col("day_volume").cum_max().diff().over("symbol").fill_null(0)
        touched = new.select("symbol", "bar_start").unique()
        return aggregate(
            self._kept.with_columns(traded=rise).join(touched, on=["symbol", "bar_start"], how="semi")
        )


def parse(values: list[bytes]) -> pl.DataFrame:
    """The quotes among the messages; what is spelt otherwise is dropped."""
    found = pl.Series([value.decode(errors="replace") for value in values], dtype=pl.String)
    return (
        found.str
        .extract_groups(CANONICAL)
        .struct.unnest()
        .drop_nulls("event_id")
        .with_columns(
            pl.col("event_time").cast(pl.Int64),
            pl.col("price").cast(pl.Float64),
            pl.col("day_volume").cast(pl.Int64, strict=False),
        )
        .with_columns(bar_start=pl.col("event_time") // 60_000_000 * 60_000_000)
    )


def aggregate(quotes: pl.DataFrame) -> pl.DataFrame:
    return quotes.group_by("symbol", "bar_start", maintain_order=True).agg(
        open=pl.col("price").first(),
        high=pl.col("price").max(),
        low=pl.col("price").min(),
        close=pl.col("price").last(),
        volume=VOLUME,
        vwap=(pl.col("price") * pl.col("traded")).sum() / VOLUME,
        quote_count=pl.len().cast(pl.Int64),
        written_at=pl.lit(time.time()),
    )


if __name__ == "__main__":
    bronze_table, bars_table, bars = AppendedTable(BRONZE), AppendedTable(BARS), Bars()

    def write(messages: list[Message], end: End) -> None:
        bronze_table.append(bronze(messages), end)
        bars_table.append(bars.add([message.value() for message in messages]).to_arrow(), end)

    sys.exit(main(write))
