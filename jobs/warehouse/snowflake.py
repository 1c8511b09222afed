"""Snowflake, over its own connector: PUT to an internal stage, COPY into a staging table, the rest as everywhere.

Every wait has an end: the network's and the login's here, the lock's and the statement's in the session. Nothing is
created within a transaction. The key is read from its file by the connector, and stands nowhere else.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import snowflake.connector
from snowflake.connector.errors import Error, ProgrammingError

from jobs.lake.errors import SettingsError
from jobs.lake.failpoints import reached
from jobs.lake.settings import Settings
from jobs.warehouse.attempts import is_left
from jobs.warehouse.columns import Shape
from jobs.warehouse.dialect import SNOWFLAKE
from jobs.warehouse.engine import Row, Warehouse, WarehouseError, not_answered
from jobs.warehouse.snowflake_errors import translate
from jobs.warehouse.statements import create_staging

STAGE = "LAKE_STAGE"
PARQUET = (
    "(TYPE=PARQUET USE_LOGICAL_TYPE=TRUE) MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE ON_ERROR=ABORT_STATEMENT"
)
TABLES_HERE = "INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = CURRENT_SCHEMA()"
# seconds; the connector has no limit of its own for the last two. A statement has as long as a driver waits for
# PostgreSQL: until then it is sent again while the network or Snowflake is away, and then it is cancelled
LOGIN_LIMIT, NETWORK_LIMIT, STATEMENT_LIMIT = 30, 60, 900
SESSION = {
    "TIMEZONE": "UTC",
    "QUERY_TAG": "tapehouse",
    "LOCK_TIMEOUT": 600,
    "STATEMENT_TIMEOUT_IN_SECONDS": STATEMENT_LIMIT,
    "ABORT_DETACHED_QUERY": True,
    "ERROR_ON_NONDETERMINISTIC_MERGE": True,
}


class Snowflake(Warehouse):
    """A session of the service user."""

    dialect = SNOWFLAKE

    def __init__(self, settings: Settings) -> None:
        _refuse_half_settings(settings)
        place = f"{settings.snowflake_database}.{settings.snowflake_schema}"
        self.address = f"snowflake:{settings.snowflake_account}/{place}"
        self.begin("tapehouse")
        try:
            self._connection = snowflake.connector.connect(**_options(settings))
        except Error as error:
            raise translate(error, self.address) from error
        except (ValueError, TypeError, OSError) as error:
            raise WarehouseError(
                "the private key cannot be used",
                found=f"{settings.snowflake_private_key_file}: {' '.join(str(error).split())[:200]}",
                remedy="SNOWFLAKE_PRIVATE_KEY_FILE names a PKCS 8 file, SNOWFLAKE_PRIVATE_KEY_PASSPHRASE opens it",
            ) from error

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    sql,
                    tuple(parameters) or None,
                    timeout=STATEMENT_LIMIT,
                    _statement_params={"QUERY_TAG": self.purpose},
                )
                if cursor.sfqid:
                    self.queries.append(cursor.sfqid)
                return [tuple(row) for row in cursor.fetchall()]
        except Error as error:
            raise translate(error, self.address) from error

    def ask(self, query: str) -> Any:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    query, timeout=STATEMENT_LIMIT, _statement_params={"QUERY_TAG": "tapehouse:sql"}
                )
                return cursor.fetch_arrow_all(force_return_table=True)
        except ProgrammingError as error:
            raise not_answered(error, query) from error
        except Error as error:
            raise translate(error, self.address) from error

    def prepare(self) -> None:
        super().prepare()
        self.execute(f"CREATE STAGE IF NOT EXISTS {STAGE}")

    def close(self) -> None:
        self._connection.close()

    def stored_types(self, table: str) -> dict[str, str]:
        found = self.execute(f"SELECT TABLE_NAME FROM {TABLES_HERE} AND TABLE_NAME = %s", [table.upper()])
        if not found:
            return {}
        rows = self.execute(f"DESCRIBE TABLE {self.dialect.name(table)}")
        return {str(row[0]).lower(): _plain_type(str(row[1])) for row in rows}

    def stage(self, attempt: str, shape: Shape, parts: Sequence[Path]) -> str:
        staging, place = f"stg_{attempt}", f"@{STAGE}/{attempt}"
        for part in parts:
            self.execute(f"PUT 'file://{part}' {place} AUTO_COMPRESS=FALSE OVERWRITE=TRUE")
        reached("warehouse.put")
        self.execute(create_staging(self.dialect, staging, shape))
        if parts:
            self.execute(f"COPY INTO {self.dialect.name(staging)} FROM {place}/ FILE_FORMAT={PARQUET}")
        return staging

    def clean(self, attempt: str) -> None:
        self.execute(f"DROP TABLE IF EXISTS {self.dialect.name(f'stg_{attempt}')}")
        self.execute(f"REMOVE @{STAGE}/{attempt}/")

    def clean_leftovers(self) -> list[str]:
        tables = self.execute(f"SELECT TABLE_NAME FROM {TABLES_HERE} AND STARTSWITH(TABLE_NAME, 'STG_')")
        files = self.execute(f"LIST @{STAGE}")
        attempts = {str(name).removeprefix("STG_").lower() for (name,) in tables}
        attempts |= {str(row[0]).split("/")[1] for row in files if str(row[0]).count("/") > 1}
        left = sorted(attempt for attempt in attempts if is_left(attempt))
        for attempt in left:
            self.clean(attempt)
        return left


def _refuse_half_settings(settings: Settings) -> None:
    needed = {
        "SNOWFLAKE_ACCOUNT": settings.snowflake_account,
        "SNOWFLAKE_USER": settings.snowflake_user,
        "SNOWFLAKE_PRIVATE_KEY_FILE": settings.snowflake_private_key_file,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise SettingsError(
            f"settings of the warehouse are missing: {', '.join(missing)}",
            found="WAREHOUSE=snowflake",
            remedy="conf/snowflake_setup.sql says what the account's admin makes once; WAREHOUSE=duckdb needs none",
        )


def _options(settings: Settings) -> dict[str, Any]:
    passphrase = settings.snowflake_private_key_passphrase
    options = {
        "account": settings.snowflake_account,
        "user": settings.snowflake_user,
        "role": settings.snowflake_role,
        "warehouse": settings.snowflake_warehouse,
        "database": settings.snowflake_database,
        "schema": settings.snowflake_schema,
        "authenticator": "SNOWFLAKE_JWT",
        "private_key_file": str(settings.snowflake_private_key_file),
        "private_key_file_pwd": passphrase.get_secret_value() if passphrase else None,
        "host": settings.snowflake_host,
        "port": settings.snowflake_port,
        "protocol": settings.snowflake_protocol,
        "login_timeout": LOGIN_LIMIT,
        "network_timeout": NETWORK_LIMIT,
        "client_session_keep_alive": False,
        "autocommit": True,
        "application": "tapehouse",
        "session_parameters": SESSION,
    }
    return {name: value for name, value in options.items() if value is not None}


def _plain_type(kind: str) -> str:
    """A type as the dialect spells it, without widths that no value shows: a text's, a time's beyond microseconds."""
    if kind.startswith("TIMESTAMP_NTZ"):
        return "TIMESTAMP_NTZ(6)"
    return "VARCHAR" if kind.startswith("VARCHAR") else kind
