"""A tiny lake, and a warehouse on each engine in turn."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jobs.lake.settings import Settings
from jobs.warehouse.connect import open_warehouse
from jobs.warehouse.engine import Warehouse
from jobs.warehouse.load import Loaded, Loader
from jobs.warehouse.receipts import micros
from tests.jobs.warehouse.tiny_lake import TINY, TinyLake
from tests.secret_search import OF_THIS_RUN, SAID, in_files
from tests.vendors.snowflake_stand_in import StandIn, stand_in

ENGINES = ("duckdb", "snowflake")
ELSEWHERE = {
    "TAPEHOUSE_KAFKA_BOOTSTRAP": "127.0.0.1:9",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "PGHOST": "127.0.0.1",
    "PGUSER": "nobody",
    "PGPASSWORD": "nothing",
    "TAPEHOUSE_CHECKPOINTS": "/nonexistent",
}


class Place(NamedTuple):
    """A tiny lake and a warehouse for it; what is asked of either is plain Python."""

    lake: TinyLake
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        return Settings(**self.environment)  # type: ignore[arg-type]

    def load(self, **options: Any) -> Loaded:
        loader = Loader(self.settings, lambda: open_warehouse(self.settings))
        try:
            return loader.load(TINY, **options)
        finally:
            loader.close()

    def warehouse(self) -> Warehouse:
        return open_warehouse(self.settings)

    def rows(self) -> list[dict[str, Any]]:
        """What the warehouse holds, as the lake would give it."""
        with self.warehouse() as warehouse:
            names = [*warehouse.stored_types("tiny")]
            found = warehouse.execute(f"SELECT * FROM {warehouse.dialect.name('tiny')}")
        rows = [dict(zip(names, row, strict=True)) for row in found]
        return sorted(
            (_as_in_the_lake(row) for row in rows), key=lambda row: (row["symbol"], row["bar_start"])
        )

    def tamper(self, sql: str) -> None:
        """Change the warehouse behind the loader's back."""
        with self.warehouse() as warehouse:
            warehouse.execute(sql)


def _as_in_the_lake(row: dict[str, Any]) -> dict[str, Any]:
    flags = row["flags"]
    return row | {
        "bar_start": row["bar_start"].replace(tzinfo=UTC),
        "flags": json.loads(flags) if flags is not None else None,
    }


@pytest.fixture(scope="session")
def snowflake_stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """The run's Snowflake; after it neither key, passphrase nor token is in any file that the run has left."""
    with stand_in(tmp_path_factory.mktemp("snowflake")) as server:
        OF_THIS_RUN.update(server.secrets)
        yield server
    assert [*in_files(tmp_path_factory.getbasetemp()), *SAID] == []


# over the wire a load takes a second or two: there, all but the contract itself is among the long tests
@pytest.fixture(params=["duckdb", pytest.param("snowflake", marks=pytest.mark.long)])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Place]:
    """Make a lake and a warehouse of its own on the engine."""
    engine = request.param
    server = request.getfixturevalue("snowflake_stand_in") if engine == "snowflake" else None

    def make(name: str = "one") -> Place:
        unique = f"T{micros(datetime.now(UTC))}_{name}"
        environment = {
            **ELSEWHERE,
            "TAPEHOUSE_PROCESSED_URL": str(tmp_path / name),
            "TAPEHOUSE_WAREHOUSE_FOLDER": str(tmp_path / f"{name}-warehouse"),
            **(server.environment(unique) if server else {"WAREHOUSE": "duckdb"}),
        }
        return Place(TinyLake(tmp_path / name), environment)

    return make


@pytest.fixture
def place(new_place: Callable[..., Place]) -> Place:
    return new_place()
