"""PostgreSQL's roles: the ledger's owner, one that only reads it, and Airflow's, each in its own database."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg2
import pytest

from jobs.lake.errors import ServiceError
from tapehouse.provisioning.postgres import AIRFLOW, LEDGER, PASSWORDS, READER, Login, provision_postgres
from tapehouse.services.instance import Instance
from tests.secured_kafka import new_password
from tests.stack import call

REFUSED = pytest.raises(psycopg2.errors.InsufficientPrivilege)
NEW = "CREATE TABLE made_later AS SELECT 7 AS n"


@pytest.fixture(scope="module")
def passwords(services: Instance) -> dict[str, str]:
    """The ledger's owner keeps the one that all tests use."""
    owner = services.environment()["PGPASSWORD"]
    return {LEDGER: owner, READER: 'a-reader\'s "password"', AIRFLOW: "of-airflow"}


@pytest.fixture(scope="module")
def admin(services: Instance, passwords: dict[str, str]) -> Iterator[Login]:
    """The administrator of the run's server, provisioned; after it that is as it was."""
    place = services.reserve()
    login = Login("127.0.0.1", place.ports["postgres"], place.secrets["postgres_password"])
    assert provision_postgres(login, passwords=passwords) == [
        "role airflow: made",
        "database airflow: made",
        "role tapehouse_reader: made",
        "role tapehouse_reader: reads all tables of tapehouse",
    ]
    yield login
    ask(replace(login, database=LEDGER), "DROP TABLE IF EXISTS made_later")
    ask(replace(login, database=LEDGER), f"DROP OWNED BY {READER}")
    for statement in (f"DROP DATABASE {AIRFLOW}", f"DROP ROLE {AIRFLOW}", f"DROP ROLE {READER}"):
        ask(login, statement)


@pytest.fixture
def owner(admin: Login, passwords: dict[str, str]) -> Login:
    return replace(admin, user=LEDGER, password=passwords[LEDGER], database=LEDGER)


@pytest.fixture
def reader(admin: Login, passwords: dict[str, str]) -> Login:
    return replace(admin, user=READER, password=passwords[READER], database=LEDGER)


def ask(login: Login, statement: str) -> list[tuple[object, ...]]:
    with closing(login.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def test_the_reader_reads_every_table_of_the_ledger_and_those_to_come(owner: Login, reader: Login) -> None:
    tables = [name for (name,) in ask(owner, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert {"runs", "batches", "leases", "alerts", "migrations"} < set(tables)
    for table in tables:
        ask(reader, f"SELECT * FROM {table} LIMIT 1")
    ask(owner, NEW)
    assert ask(reader, "SELECT n FROM made_later") == [(7,)]


def test_status_is_for_who_may_only_read_too(reader: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", reader.user)
    monkeypatch.setenv("PGPASSWORD", reader.password)
    _, out, err = call("status", "--json")
    assert err == ""
    assert {budget["source"] for budget in json.loads(out)["budgets"]} == {"alpha_vantage", "yahoo"}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO migrations (name) VALUES ('forged')",
        "UPDATE alerts SET closed_at = now()",
        "DELETE FROM runs",
        "TRUNCATE leases",
        "SELECT * FROM runs FOR UPDATE",
        "CREATE TABLE mine (n int)",
        "CREATE TEMPORARY TABLE mine (n int)",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        f"SET ROLE {LEDGER}",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_the_reader_does_nothing_but_read(reader: Login, statement: str) -> None:
    with REFUSED:
        ask(reader, statement)


@pytest.mark.parametrize(("role", "database"), [(READER, AIRFLOW), (LEDGER, AIRFLOW), (AIRFLOW, LEDGER)])
def test_nobody_comes_into_the_database_of_another(
    admin: Login, passwords: dict[str, str], role: str, database: str
) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        replace(admin, user=role, password=passwords[role], database=database).connect()


def test_each_owner_makes_tables_in_its_database_and_is_no_superuser(
    admin: Login, passwords: dict[str, str]
) -> None:
    airflow = replace(admin, user=AIRFLOW, password=passwords[AIRFLOW], database=AIRFLOW)
    ask(airflow, "CREATE TABLE mine (n int); DROP TABLE mine")
    roles = "SELECT DISTINCT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles"
    assert ask(admin, f"{roles} WHERE rolname IN ('{LEDGER}', '{READER}', '{AIRFLOW}')") == [(False,) * 5]


def test_made_again_nothing_changes_and_another_password_ends_the_old_one(
    admin: Login, passwords: dict[str, str]
) -> None:
    assert provision_postgres(admin, passwords=passwords) == []
    other = passwords | {AIRFLOW: "another of airflow"}
    assert provision_postgres(admin, passwords=other) == ["role airflow: another password"]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        replace(admin, user=AIRFLOW, password=passwords[AIRFLOW], database=AIRFLOW).connect()
    assert provision_postgres(admin, passwords=passwords) == ["role airflow: another password"]


def test_the_command_makes_roles_by_the_environment_and_says_what_was_there(
    admin: Login, passwords: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"PGHOST": admin.host, "PGPORT": str(admin.port), "POSTGRES_PASSWORD": admin.password}
    for name, value in (told | {PASSWORDS[role]: password for role, password in passwords.items()}).items():
        monkeypatch.setenv(name, value)
    assert call("provision", "--only", "postgres") == (0, "postgres: all of it was there\n", "")
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", new_password())
    code, out, _ = call("provision", "--only", "postgres", "--json")
    assert (code, json.loads(out)) == (0, {"postgres": ["role airflow: another password"]})
    monkeypatch.setenv("AIRFLOW_DB_PASSWORD", passwords[AIRFLOW])
    assert call("provision", "--only", "postgres") == (0, "postgres: role airflow: another password\n", "")


def test_who_is_not_let_in_is_told_what_to_do(admin: Login, passwords: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match=r"does not let in postgres(.*\n)*.*POSTGRES_PASSWORD"):
        provision_postgres(replace(admin, password="wrong"), passwords=passwords)
    with pytest.raises(ServiceError, match=r"127.0.0.1:1 (.*\n)*.*PGPORT"):
        provision_postgres(replace(admin, port=1), passwords=passwords)
