"""One small lakehouse for all tests of what is measured, and the page as numbers."""

from collections.abc import Callable, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tapehouse.services.instance import Instance
from tests.monitoring.lakehouse import Lakehouse

Numbers = dict[tuple[str, ...], float]


@pytest.fixture(scope="package")
def lakehouse(services: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lakehouse]:
    """Gone with these tests: its alerts would be others' too."""
    made = Lakehouse(services, tmp_path_factory.mktemp("monitoring"))
    made.fill()
    yield made
    made.forget()


@pytest.fixture
def named(lakehouse: Lakehouse) -> Iterator[Lakehouse]:
    """The lakehouse, which the environment names."""
    with lakehouse.named():
        yield lakehouse


@pytest.fixture(scope="session")
def numbers() -> Callable[[str], Numbers]:
    """The values of a page, by the name and the values of the labels, sorted by their names."""

    def read(page: str) -> Numbers:
        return {
            (sample.name, *[value for _, value in sorted(sample.labels.items())]): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }

    return read
