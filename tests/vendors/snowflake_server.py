"""A Snowflake to test against: fakesnow's server, mended where it does not do what Snowflake does.

    python -m tests.vendors.snowflake_server --port PORT [--folder FOLDER]

Mended here: MERGE within a transaction; an error of DuckDB is an error of SQL, not of the server, which the client
would send again; a transaction whose client has gone is rolled back; a second BEGIN is ignored; DDL ends a transaction;
MD5_NUMBER_LOWER64; REMOVE; databases in files. What it hides still: roles and grants, the key, waiting for a lock, the
width of a VARCHAR, how a Parquet time is read, and that no key is enforced.
"""

import argparse
import math
import re
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import fakesnow.server as server
import uvicorn
from fakesnow import info_schema, macros
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.transforms.stage import internal_dir
from snowflake.connector.errors import IntegrityError, ProgrammingError
from sqlglot import exp

IDLE = (
    3.0  # seconds after which the transaction of a client that is gone is rolled back; Snowflake: 5 minutes
)
REMOVE = re.compile(r"REMOVE @(?P<stage>\w+)/(?P<path>[\w/]+)", re.IGNORECASE)
DDL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
HELPER = "MERGE_CANDIDATES"  # what fakesnow makes for a MERGE, and no DDL of the client
NOTHING = "SELECT 'done' AS status"

_execute = FakeSnowflakeCursor._execute
_run = FakeSnowflakeCursor.execute
_used: dict[Any, float] = {}


def mend() -> None:
    comment, macro = info_schema.insert_table_comment_sql, macros.creation_sql
    info_schema.insert_table_comment_sql = lambda c, s, t, text: (
        comment(c, s, t, text) if text else "SELECT 1"
    )
    macros.creation_sql = lambda catalog: (
        macro(catalog) + f";CREATE OR REPLACE MACRO {catalog}.main.m_d5_number_lower64(x) AS "
        "('0x' || substr(md5(x), 17, 16))::UBIGINT;"
    )
    FakeSnowflakeCursor._execute = execute_as_snowflake
    FakeSnowflakeCursor.execute = run_as_snowflake
    threading.Thread(target=_roll_back_abandoned, daemon=True).start()


def run_as_snowflake(self: Any, command: str, params: Any = None, *args: Any, **options: Any) -> Any:
    """A statement of the client's: those that fakesnow does not know are done here."""
    connection = self._conn
    if removed := REMOVE.match(command):
        name = f"{connection.database}.{connection.schema}.{removed['stage'].upper()}"
        shutil.rmtree(Path(internal_dir(name)) / removed["path"], ignore_errors=True)
        command = NOTHING
    elif re.match(r"BEGIN\b", command, re.IGNORECASE) and getattr(connection, "in_transaction", False):
        command = NOTHING
    _used[connection] = math.inf  # while it is at work
    try:
        return _run(self, command, params, *args, **options)
    finally:
        _used[connection] = time.monotonic()


def execute_as_snowflake(self: Any, statement: exp.Expression, params: Any = None) -> Any:
    connection = self._conn
    if isinstance(statement, exp.Transaction):
        connection.in_transaction = True
    if isinstance(statement, exp.Commit | exp.Rollback):
        if not getattr(connection, "in_transaction", False):
            return _execute(self, server.parse_one(NOTHING), params)
        connection.in_transaction = False
    table = statement.find(exp.Table)
    is_helper = table is not None and table.name.upper() == HELPER
    if isinstance(statement, DDL) and not is_helper and getattr(connection, "in_transaction", False):
        self._duck_conn.commit()
        connection.in_transaction = False
    try:
        return _execute(self, statement, params)
    except duckdb.ConstraintException as error:
        raise IntegrityError(msg=str(error), errno=100072, sqlstate="22000") from error
    except duckdb.TransactionException as error:
        # Snowflake waits for the lock, and says this after LOCK_TIMEOUT
        raise ProgrammingError(msg=str(error), errno=625, sqlstate="57014") from error


def _roll_back_abandoned() -> None:
    while True:
        time.sleep(0.5)
        for connection in list(server.sessions.values()):
            idle = time.monotonic() - _used.get(connection, time.monotonic())
            if getattr(connection, "in_transaction", False) and idle > IDLE:
                connection.in_transaction = False
                connection._duck_conn.rollback()


def main() -> None:
    parser = argparse.ArgumentParser(description="A Snowflake to test against.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, help="keep the databases here (default: in memory)")
    args = parser.parse_args()
    mend()
    if args.folder:
        args.folder.mkdir(parents=True, exist_ok=True)
        server.shared_fs.db_path = str(args.folder)
    uvicorn.run(server.app, host="127.0.0.1", port=args.port, log_level="info")


if __name__ == "__main__":
    main()
