"""Roles and databases of a PostgreSQL: each program in its own database, and one role that only reads the ledger.

Safe to repeat.
"""

from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from jobs.lake.errors import ServiceError

ADMINISTRATOR = "postgres"
# the ledger's: the name of the database is its owner's too
LEDGER, READER = "tapehouse", "tapehouse_reader"
AIRFLOW = "airflow"
# each role, and the name in the environment of its password
PASSWORDS = {
    LEDGER: "LEDGER_PASSWORD",
    READER: "LEDGER_READER_PASSWORD",
    AIRFLOW: "AIRFLOW_DB_PASSWORD",
}


@dataclass(frozen=True)
class Login:
    """A server, a database of it, and who one is to it."""

    host: str
    port: int
    password: str = field(repr=False)
    user: str = ADMINISTRATOR
    database: str = ADMINISTRATOR

    def connect(self) -> Any:
        """A connection in autocommit, which waits for no statement longer than a minute."""
        import psycopg2

        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            connect_timeout=3,
            options="-c statement_timeout=60000",
        )
        connection.autocommit = True
        return connection


def provision_postgres(admin: Login, *, passwords: Mapping[str, str]) -> list[str]:
    """Make the databases of the ledger and of Airflow, and the roles; a line for each thing made or changed.

    `passwords` has one for each role. A role whose password is another one than before gets it.
    """
    with _understood(admin), closing(admin.connect()) as connection:
        lines = [
            *make_database(connection, LEDGER, LEDGER, passwords[LEDGER]),
            *make_database(connection, AIRFLOW, AIRFLOW, passwords[AIRFLOW]),
            *_make_role(connection, READER, passwords[READER]),
            *_let_read(admin, connection),
        ]
        for role, password in passwords.items():
            login = replace(admin, user=role, password=password, database=LEDGER if role == READER else role)
            lines += _put_right(connection, login)
    return lines


def make_database(connection: Any, name: str, owner: str, password: str) -> list[str]:
    """A database, owned by a role that is no superuser; nobody else comes in. What is there is kept."""
    made = _make_role(connection, owner, password)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if not cursor.fetchone():
            cursor.execute(f"CREATE DATABASE {name} OWNER {owner}")
            made.append(f"database {name}: made")
        cursor.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    return made


def _make_role(connection: Any, role: str, password: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
        if cursor.fetchone():
            return []
    _set_password(connection, "CREATE", role, password)
    return [f"role {role}: made"]


def _set_password(connection: Any, verb: str, role: str, password: str) -> None:
    """The server gets what it checks a password by, not the password: a statement may be written to a log."""
    from psycopg2.extensions import encrypt_password

    proof = encrypt_password(password, role, connection, "scram-sha-256")
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} ROLE {role} LOGIN PASSWORD %s", (proof,))


def _let_read(admin: Login, connection: Any) -> list[str]:
    """The reader comes into the ledger's database, and reads the tables that are there and those that will be."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_database_privilege(%s, %s, 'CONNECT')", (READER, LEDGER))
        may_come_in = cursor.fetchone()[0]
        cursor.execute(f"GRANT CONNECT ON DATABASE {LEDGER} TO {READER}")
    with closing(replace(admin, database=LEDGER).connect()) as ledger, ledger.cursor() as cursor:
        # before PostgreSQL 15 everybody may make tables in it
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {READER}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
        cursor.execute(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {LEDGER} IN SCHEMA public GRANT SELECT ON TABLES TO {READER}"
        )
    return [] if may_come_in else [f"role {READER}: reads all tables of {LEDGER}"]


def _put_right(connection: Any, role: Login) -> list[str]:
    """Give a role its password where it does not get in by it."""
    import psycopg2

    try:
        role.connect().close()
    except psycopg2.OperationalError:
        _set_password(connection, "ALTER", role.user, role.password)
        role.connect().close()
        return [f"role {role.user}: another password"]
    return []


@contextmanager
def _understood(admin: Login) -> Generator[None, None, None]:
    """Around what is asked of the server: its refusals as errors that say what to do."""
    import psycopg2

    try:
        yield
    except psycopg2.OperationalError as error:
        raise ServiceError(
            f"PostgreSQL at {admin.host}:{admin.port} does not let in {admin.user}, or does not answer",
            found=str(error).strip(),
            remedy="start it, or correct PGHOST, PGPORT and POSTGRES_PASSWORD",
        ) from error
    except psycopg2.Error as error:
        raise ServiceError(
            f"PostgreSQL at {admin.host}:{admin.port} did not do what {admin.user} asked for",
            found=str(error).strip(),
            remedy=f"let a superuser called {ADMINISTRATOR} do it",
        ) from error
