"""After a run: where secrets are that the tests gave to our programs, and must not be."""

import errno
import gzip
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psycopg2
from psycopg2 import sql

from jobs.lake.settings import read_settings
from tapehouse.vendors import s3_client

# put together only when this runs: a copy of this file is not where it must not be
SECRET = "".join(["SECRET0KEY0", "OF0ALPHA0VANTAGE"])
# and what is a secret of this run alone: the passphrase of a key, the key, tokens
OF_THIS_RUN: set[str] = set()
GZIP = b"\x1f\x8b"
# where it was seen in the course of the run: outputs of commands and tests, and command lines of processes
SAID: list[str] = []


def look_at_text(text: str, *, of: str) -> None:
    if any(secret in text for secret in _secrets()):
        SAID.append(of)


def look_at_command_lines() -> None:
    """Called while a program uses the key."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes()
        except OSError:
            continue  # it has ended
        look_at_text(line.decode(errors="replace"), of=f"the command line of process {file.parent.name}")


def find_secret(folder: Path, environment: Mapping[str, str]) -> list[str]:
    """The files below `folder` (logs, topics, the ledger's own), objects of the store, and rows of the ledger."""
    return [*in_files(folder), *_in_objects(), *_in_ledger(environment)]


def _secrets() -> set[str]:
    return {SECRET, *OF_THIS_RUN}


def in_files(folder: Path) -> Iterator[str]:
    """The files below a folder that hold a secret."""
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            try:
                content = _written(file)
            except FileNotFoundError:
                continue  # services are still at work: it went while we looked
            if _holds(content):
                yield str(file)


def _written(file: Path) -> bytes:
    """What was written of a file. Kafka reserves much more for each index."""
    parts, end = [], 0
    with file.open("rb") as opened:
        while end < os.fstat(opened.fileno()).st_size:
            try:
                begin = os.lseek(opened.fileno(), end, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                break  # nothing more was
            end = os.lseek(opened.fileno(), begin, os.SEEK_HOLE)
            parts.append(os.pread(opened.fileno(), end - begin, begin))
    return b"".join(parts)


def _in_objects() -> Iterator[str]:
    """Of the raw bucket, whose bodies are compressed."""
    client = s3_client(read_settings())
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="raw"):
        for found in page.get("Contents", ()):
            if _holds(client.get_object(Bucket="raw", Key=found["Key"])["Body"].read()):
                yield f"the object {found['Key']}"


def _holds(content: bytes) -> bool:
    if content.startswith(GZIP):
        with suppress(OSError, EOFError, zlib.error):  # not what it looks like: searched as it is
            content += gzip.decompress(content)
    return any(secret.encode() in content for secret in _secrets())


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
            query = sql.SQL("SELECT count(*) FROM {} AS r WHERE r::text LIKE ANY (%s)").format(
                sql.Identifier(table)
            )
            cursor.execute(query, ([f"%{secret}%" for secret in _secrets()],))
            if cursor.fetchone() != (0,):
                yield f"the ledger's table {table}"
    connection.close()
