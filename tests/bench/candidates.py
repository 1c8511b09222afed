"""What is compared: the stream, and what one would write by hand instead; how each is started and checked."""

from collections.abc import Callable
from dataclasses import dataclass

import polars
from deltalake import DeltaTable

from tapehouse.paths import ROOT, VENV
from tests.bench import plain_bars, plain_bronze
from tests.bench.lake import Lake
from tests.bench.program import PYTHON, verify

# how much the alternatives write at once: as much as they can get, or what came since
CATCH_UP, LIVE = ("--at-most", "200000", "--every", "5"), ("--at-most", "200000", "--every", "0.2")


@dataclass(frozen=True)
class Candidate:
    """`tables` are those that its commits end in, the last of them the one that users wait for."""

    name: str
    tables: tuple[str, ...]
    catch_up: tuple[str, ...]
    live: tuple[str, ...]
    lacks: str
    check: Callable[[Lake, int], None]


def check_stream(lake: Lake, messages: int) -> None:
    """Every invariant holds; `verify` counts the messages itself."""
    del messages
    verify(lake)


def check_bronze(lake: Lake, messages: int) -> None:
    """As many rows as messages, each once."""
    settings = lake.settings
    table = DeltaTable(lake.url(plain_bronze.BRONZE), storage_options=settings.storage_options())
    rows = polars.from_arrow(table.to_pyarrow_table(columns=["partition", "offset"]))
    distinct = rows.n_unique()
    if not messages == len(rows) == distinct:
        raise AssertionError(f"{messages} messages, {len(rows)} rows, {distinct} distinct")


def stream(*options: str) -> tuple[str, ...]:
    """The stream's command, as its users start it."""
    return (str(VENV / "bin" / "spark-submit"), str(ROOT / "jobs" / "stream_quotes.py"), *options)


STREAM = Candidate(
    "stream_quotes",
    ("bronze.quotes", "silver.quotes", "gold.bars_1m_log"),
    stream(),
    stream(),
    "",
    check_stream,
)
PLAIN_BRONZE = Candidate(
    "plain bronze",
    (plain_bronze.BRONZE,),
    (PYTHON, "-m", "tests.bench.plain_bronze", *CATCH_UP),
    (PYTHON, "-m", "tests.bench.plain_bronze", *LIVE),
    plain_bronze.LACKS,
    check_bronze,
)
PLAIN_BARS = Candidate(
    "plain bars",
    (plain_bronze.BRONZE, plain_bars.BARS),
    (PYTHON, "-m", "tests.bench.plain_bars", *CATCH_UP),
    (PYTHON, "-m", "tests.bench.plain_bars", *LIVE),
    plain_bars.LACKS,
    check_bronze,
)
CANDIDATES = (STREAM, PLAIN_BRONZE, PLAIN_BARS)
