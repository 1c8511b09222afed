"""The worked example of docs/meaning-of-a-bar.md, worked out by the transforms."""

import re
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.docs.pages import DOCS, blocks
from tests.transforms.test_bars import bars

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = DOCS / "meaning-of-a-bar.md"
TABLE = re.compile(r"^\| bar_start (.*?)\n\n", re.MULTILINE | re.DOTALL)
Bars = list[dict[str, str]]


def told() -> list[Bars]:
    """The tables of the page, a row as its cells by column."""
    tables = []
    for table in TABLE.findall(PAGE.read_text()):
        header, _, *rows = (line.strip("| ").split(" | ") for line in f"bar_start {table}".splitlines())
        tables.append([dict(zip(header, row, strict=True)) for row in rows])
    return tables


def made(spark: "SparkSession", *lines: str) -> Bars:
    """What the transforms make of the lines, spelt as on the page."""
    names = told()[0][0]
    return [
        {
            name: f"{row.bar_start.astimezone(UTC):%H:%M}" if name == "bar_start" else spelt(row[name])
            for name in names
        }
        for row in bars(spark, *lines).collect()
    ]


def spelt(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value).lower()


def quotes_of_page() -> tuple[list[str], list[str]]:
    """The six quotes, and the late one; a price in its one spelling, without a zero at its end."""
    six, late = (re.sub(r"\.0 ", " ", block).splitlines() for block in blocks(PAGE))
    return six, late


def test_the_quotes_of_the_page_make_its_bars(spark: "SparkSession") -> None:
    six, late = quotes_of_page()
    before, after = told()
    assert len(before) == len(after) == 3
    assert made(spark, *six) == before
    assert made(spark, *six, *late) == after


def test_in_any_order_they_do(spark: "SparkSession") -> None:
    six, late = quotes_of_page()
    assert made(spark, *late, *reversed(six), six[2]) == told()[1]


def test_the_sum_that_the_page_writes_out_is_right() -> None:
    text = " ".join(PAGE.read_text().split())
    (found,) = re.findall(r"\(([\d. x+]+)\) / (\d+) = ([\d,]+) / \2 = ([\d.]+)\.", text)
    weighed, shares, sum_of_all, vwap = found
    products = [tuple(map(Decimal, part.split("x"))) for part in weighed.split("+")]
    total = sum(price * size for price, size in products)
    assert (sum(size for _, size in products), total) == (
        Decimal(shares),
        Decimal(sum_of_all.replace(",", "")),
    )
    assert round(total / Decimal(shares), 6) == Decimal(vwap)
