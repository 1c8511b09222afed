"""What goes wrong between the loader and Snowflake, each with a result that loses nothing and doubles nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.lake.errors import SettingsError, TapehouseError
from jobs.warehouse import snowflake as engine
from jobs.warehouse.attempts import new_attempt
from jobs.warehouse.columns import Column, Shape
from jobs.warehouse.engine import WarehouseError
from tapehouse.paths import VENV
from tests.jobs.warehouse.conftest import ELSEWHERE, Place
from tests.jobs.warehouse.tiny_lake import TinyLake, bars
from tests.processes import Program
from tests.secret_search import OF_THIS_RUN
from tests.vendors.snowflake_proxy import LOGIN, LOST, QUERY, UPLOAD, Fault, Proxy
from tests.vendors.snowflake_stand_in import StandIn

pytestmark = pytest.mark.long
GOES_ON = {
    "asked too often, twice": [Fault(QUERY, 429, "MERGE"), Fault(QUERY, 429, "MERGE")],
    "away once": [Fault(QUERY, 503, "MERGE")],
    "the session's token has run out": [Fault(QUERY, "390112", "MERGE")],
    "the master token has run out": [Fault(QUERY, "390114", "MERGE")],
    "the answer to BEGIN is lost": [Fault(QUERY, LOST, "BEGIN")],
    "the answer to the head's change is lost": [Fault(QUERY, LOST, "UPDATE")],
    "the answer to MERGE is lost": [Fault(QUERY, LOST, "MERGE")],
    "the answer to the receipt is lost": [Fault(QUERY, LOST, 'INSERT INTO "LAKE_LOADS"')],
    "the answer to COMMIT is lost": [Fault(QUERY, LOST, "COMMIT")],
    "the answer to COPY is lost": [Fault(QUERY, LOST, "COPY INTO")],
    "the answer to the upload is lost": [Fault(UPLOAD, LOST)],
}
ENDS = {
    "wrong key": (Fault(LOGIN, "390144", for_ever=True), "RSA_PUBLIC_KEY"),
    "no such user": (Fault(LOGIN, "390100", for_ever=True), "SNOWFLAKE_USER"),
    "role revoked before the login": (Fault(LOGIN, "390189", for_ever=True), "grant SNOWFLAKE_ROLE"),
    "right revoked before the change": (
        Fault(QUERY, "003001", "MERGE", for_ever=True),
        "snowflake_setup.sql",
    ),
    "away for ever": (Fault(QUERY, 503, "MERGE", for_ever=True), "not available: load again later"),
    "asked too often for ever": (Fault(QUERY, 429, "MERGE", for_ever=True), "asked too often"),
    "no room on the stage": (Fault(UPLOAD, 507, for_ever=True), "nothing was committed"),
}


@pytest.fixture
def wire(snowflake_stand_in: StandIn, tmp_path: Path) -> Iterator[tuple[Place, Proxy]]:
    """A tiny lake in two versions, the first loaded, and the wire to the warehouse."""
    with Proxy(snowflake_stand_in.port) as proxy:
        environment = {
            **ELSEWHERE,
            "TAPEHOUSE_PROCESSED_URL": str(tmp_path / "lake"),
            "TAPEHOUSE_WAREHOUSE_FOLDER": str(tmp_path / "warehouse"),
            **snowflake_stand_in.environment(f"W{time.time_ns()}", port=proxy.port),
        }
        place = Place(TinyLake(tmp_path / "lake"), environment)
        place.lake.append(bars(range(10)))
        place.load()
        place.lake.merge(bars(range(5, 15), volume=1))
        yield place, proxy
        assert len(proxy.tokens) > 1
        OF_THIS_RUN.update(proxy.tokens)


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is to be waited for, in place of a minute and a quarter of an hour."""
    for name in ("LOGIN_LIMIT", "NETWORK_LIMIT", "STATEMENT_LIMIT"):
        monkeypatch.setattr(engine, name, 8)


def versions(place: Place) -> list[int]:
    with place.warehouse() as warehouse:
        rows = warehouse.execute('SELECT "TO_VERSION" FROM "LAKE_LOADS" ORDER BY "TO_VERSION" DESC')
        return [int(version) for (version,) in rows]


@pytest.mark.parametrize("what", GOES_ON)
def test_the_load_goes_on_after(wire: tuple[Place, Proxy], what: str) -> None:
    place, proxy = wire
    proxy.faults = list(GOES_ON[what])
    expected = len(proxy.faults)
    place.load()
    assert proxy.met == expected
    assert place.rows() == place.lake.rows()
    assert versions(place) == [1, 0]


@pytest.mark.usefixtures("short_limits")
@pytest.mark.parametrize("what", ENDS)
def test_the_load_ends_with_a_remedy_and_the_next_one_is_whole(wire: tuple[Place, Proxy], what: str) -> None:
    place, proxy = wire
    fault, remedy = ENDS[what]
    proxy.faults = [fault]
    with pytest.raises(WarehouseError) as said:
        place.load()
    assert remedy in said.value.remedy
    assert proxy.met > 0
    proxy.faults = []
    assert versions(place) == [0]
    place.load()
    assert place.rows() == place.lake.rows()
    assert versions(place) == [1, 0]


def test_every_statement_says_what_it_is_for(wire: tuple[Place, Proxy]) -> None:
    place, proxy = wire
    proxy.tags.clear()
    place.load()
    tags = {tag for sql, tag in proxy.tags if "BARS" in sql or "STG" in sql or "LAKE_HEADS" in sql}
    assert tags == {"tapehouse", "tapehouse:gold.tiny:1"}
    assert {tag for sql, tag in proxy.tags if sql.startswith(("MERGE", "COPY", "COMMIT"))} == {
        "tapehouse:gold.tiny:1"
    }


def test_what_attempts_that_died_have_left_is_removed_a_day_later(wire: tuple[Place, Proxy]) -> None:
    place, _ = wire
    old, new = "20200101t000000_dead", new_attempt()
    shape = Shape((Column("symbol", "text"),), ("symbol",))
    with place.warehouse() as warehouse:
        for attempt in (old, new):
            part = place.lake.folder / f"{attempt}.parquet"
            pq.write_table(pa.table({"symbol": ["A"], "lake_op": ["U"]}), part)
            warehouse.stage(attempt, shape, [part])
        assert warehouse.clean_leftovers() == [old]
        assert warehouse.stored_types(f"stg_{old}") == {}
        assert warehouse.stored_types(f"stg_{new}") != {}
        files = [str(row[0]) for row in warehouse.execute("LIST @LAKE_STAGE")]
        assert [name for name in files if old in name] == []
        assert [name for name in files if new in name] != []


def test_a_rollback_that_is_not_heard_leaves_nothing_half_done(wire: tuple[Place, Proxy]) -> None:
    """DDL would commit what is open: the session is left, not cleaned."""
    place, proxy = wire
    proxy.faults = [Fault(QUERY, "003001", "MERGE"), Fault(QUERY, "003001", "ROLLBACK")]
    place.load()
    assert proxy.met == 2
    assert place.rows() == place.lake.rows()
    assert versions(place) == [1, 0]


@pytest.mark.usefixtures("short_limits")
def test_without_a_network_the_load_ends_in_time(wire: tuple[Place, Proxy]) -> None:
    place, _ = wire
    away = Place(place.lake, place.environment | {"SNOWFLAKE_PORT": "9"})
    with pytest.raises(WarehouseError, match=r"(?s)answers an error.*network"):
        away.load()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", "wrong", "the private key cannot be used"),
        ("SNOWFLAKE_PRIVATE_KEY_FILE", "/nonexistent/key", "the private key cannot be used"),
        ("SNOWFLAKE_ACCOUNT", "", "settings of the warehouse are missing: SNOWFLAKE_ACCOUNT"),
    ],
)
def test_settings_that_are_wrong_are_named(
    wire: tuple[Place, Proxy], name: str, value: str, message: str
) -> None:
    place, _ = wire
    with pytest.raises(TapehouseError, match=message):
        Place(place.lake, place.environment | {name: value}).load()


def test_a_password_is_refused(wire: tuple[Place, Proxy], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "secret")
    with pytest.raises(SettingsError, match="a password is no way in"):
        wire[0].load()


def test_a_loader_as_a_program_that_logs_all_it_can_says_no_secret(
    wire: tuple[Place, Proxy], tmp_path: Path
) -> None:
    place, proxy = wire
    proxy.faults = [Fault(QUERY, "390114", "MERGE"), Fault(QUERY, 503, "COMMIT")]
    command = [VENV / "bin" / "python", "-m", "tests.jobs.warehouse.one_load", "--log-all"]
    program = Program(command, log=tmp_path / "all.log", environment=place.environment)
    assert program.ended(seconds=90) == 0, program.last_words
    # what the connector logs at its lowest level is in the file that is searched at the end of the run
    assert "snowflake.connector" in program.output
