"""After a run: where the key of a vendor is, which the tests gave to our programs, and must not be."""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg2
from psycopg2 import sql

SECRET = "SECRET0KEY0OF0ALPHA0VANTAGE"
GZIP = b"\x1f\x8b"


def find_secret(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Files below `folder` (logs, topics, objects, and the ledger's own), rows of the ledger, and command lines."""
    return [*_in_files(folder), *_in_ledger(environment), *_in_command_lines()]


def _in_files(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and SECRET.encode() in _content(file):
            yield str(file)


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return b""  # services are still at work: it went while we looked
    return gzip.decompress(content) if content.startswith(GZIP) else content


def _in_ledger(environment: Mapping[str, str]) -> Iterator[str]:
    connection = psycopg2.connect(
        host=environment["PGHOST"],
        port=environment["PGPORT"],
        user=environment["PGUSER"],
        password=environment["PGPASSWORD"],
        dbname=environment["PGDATABASE"],
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            query = sql.SQL("SELECT count(*) FROM {} AS r WHERE r::text LIKE %s").format(
                sql.Identifier(table)
            )
            cursor.execute(query, (f"%{SECRET}%",))
            if cursor.fetchone() != (0,):
                yield f"the ledger's table {table}"
    connection.close()


def _in_command_lines() -> Iterator[str]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes()
        except OSError:
            continue  # it has ended
        if SECRET.encode() in line:
            yield f"the command line of process {file.parent.name}"
