"""The tables of the ledger: numbered files, each applied once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 7_083_001
LIMIT = 60.0  # seconds: another program may be at it


def bring_up_to_date(do: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Apply the files that are new here, each in its own transaction, one program at a time.

    `do` runs a statement within `limit` seconds. Where nothing is new it only reads, as who may do no more.
    """
    if not _new_files(do):
        return
    do("SELECT pg_advisory_lock(%s)", (LOCK,), limit=LIMIT)
    try:
        do(
            "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
        )
        for file in _new_files(do):
            do(
                f"BEGIN; {file.read_text()}; INSERT INTO migrations VALUES ('{file.name}'); COMMIT",
                limit=LIMIT,
            )
    finally:
        do("SELECT pg_advisory_unlock(%s)", (LOCK,))


def _new_files(do: Callable[..., list[tuple[Any, ...]]]) -> list[Path]:
    ((is_there,),) = do("SELECT to_regclass('migrations') IS NOT NULL")
    applied = {name for (name,) in do("SELECT name FROM migrations")} if is_there else set()
    return [file for file in sorted(MIGRATIONS.glob("*.sql")) if file.name not in applied]
