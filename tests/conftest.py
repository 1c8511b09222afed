"""What the whole run shares: one set of services, one Spark session, and the folder of recorded data."""

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.lake.ledger import Ledger
from jobs.lake.settings import read_settings
from tapehouse.services.instance import Instance, running
from tests.secret_search import SAID, find_secret, look_at_text
from tests.stack import Stack

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Airflow's own Python runs these
collect_ignore = ["airflow"]
NAME = "TAPEHOUSE_MARKET_DATA"
# few rows and many plans: it costs more to generate and compile code for each than to interpret it
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Look for the key of a vendor in what was printed, logged and raised."""
    for text in (*[text for _, text in report.sections], str(report.longrepr or "")):
        look_at_text(text, of=f"the output of {report.nodeid}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("long") or item.get_closest_marker("longest"):
            item.add_marker(pytest.mark.timeout(1200))


def pytest_exception_interact(node: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """End the run after a timeout: it broke off a call to the JVM, whose answer the next test would take for its."""
    if call.excinfo is not None and "from pytest-timeout" in str(call.excinfo.value):
        node.session.shouldfail = f"{node.nodeid} took too long"


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Kafka, the S3 store and PostgreSQL with the ledger's tables, on free ports, for the length of the run."""
    with running(tmp_path_factory.mktemp("services") / "local") as instance:
        os.environ.update(instance.environment())
        Ledger(read_settings()).close()  # whichever test comes first finds its tables
        yield instance
        found = find_secret(tmp_path_factory.getbasetemp(), instance.environment())
    instance.remove()
    assert [*found, *SAID] == []


@pytest.fixture(scope="session")
def spark(services: Instance) -> "Iterator[SparkSession]":  # ruff: ignore[unused-function-argument] - its environment
    """The one session of the run, with the settings of conf/spark-defaults.conf."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("tests").config("spark.sql.shuffle.partitions", "1")
    for name, value in INTERPRETED.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def answers(market_data: Path) -> list[dict[str, str]]:
    with (market_data.parent / "answers" / "bars_1m_2023-09-05.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def compiled(spark: "SparkSession") -> Iterator[None]:
    """Generated code, as users have it: for many rows, and where the numbers are compared with the answers."""
    for name, value in (
        ("spark.sql.codegen.wholeStage", "true"),
        ("spark.sql.codegen.factoryMode", "FALLBACK"),
    ):
        spark.conf.set(name, value)
    yield
    for name, value in INTERPRETED.items():
        spark.conf.set(name, value)


@pytest.fixture
def new_stack(
    services: Instance,
    spark: "SparkSession",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Callable[[], Stack]:
    """Make a topic with tables, a checkpoint and a ledger of their own, and point the environment at them."""

    def make() -> Stack:
        stack = Stack(services, spark, tmp_path, request.node.name)
        for name, value in stack.environment.items():
            monkeypatch.setenv(name, value)
        return stack

    return make


@pytest.fixture
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """A topic with tables, a checkpoint and a ledger of its own."""
    return new_stack()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of recorded data that TAPEHOUSE_MARKET_DATA names."""
    folder = os.environ.get(NAME)
    if not folder:
        pytest.skip(f"{NAME} is not set: runs where it names the folder of recorded market data")
    if not Path(folder).is_dir():
        pytest.fail(f"{NAME} names no folder: {folder}")
    return Path(folder)


@pytest.fixture(scope="session")
def recorded_hour(market_data: Path) -> Path:
    """14,842 of Yahoo's frames, an hour of 2023-09-05."""
    return market_data / "questdb_finance" / "nasdaq_trades.csv"
