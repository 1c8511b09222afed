"""Bringing a table to the rows that it must hold: what is equal is not touched, what differs goes in one commit."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.lake import read
from jobs.lake.job_run import JobRun
from jobs.lake.kept import keep, release
from jobs.lake.tables import Table
from jobs.lake.write import version
from transforms.rebuilds import DELETE, INSERT, UNTOUCHED, UPDATE, compare_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COUNTED = {"inserted": INSERT, "updated": UPDATE, "deleted": DELETE, "untouched": UNTOUCHED}


class Settled(NamedTuple):
    """Rows of a table by what was done to them; `version` is the commit's, None where nothing differed."""

    table: str
    inserted: int
    updated: int
    deleted: int
    untouched: int
    version: int | None


def exists(run: JobRun, table: Table) -> bool:
    return version(run.spark, table.path(run.settings)) >= 0


def stored(run: JobRun, table: Table) -> "DataFrame":
    """The rows of a table, none where there is no table yet."""
    if exists(run, table):
        return read.table(run.spark, table, run.settings)
    return run.spark.createDataFrame([], table.schema)


def settle(
    run: JobRun,
    table: Table,
    wanted: "DataFrame",
    *,
    among: "Callable[[DataFrame], DataFrame]" = lambda rows: rows,
    revision: str | None = None,
    even_empty: bool = False,
    **done: Any,
) -> Settled:
    """Bring the rows of `table`, those that `among` leaves of them, to `wanted`, which has each key once.

    A column `revision` counts how often a row has changed: it is none of `wanted`. A table that is not there yet is
    made for its first row, or `even_empty`.
    """
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    seen = Observation()
    counts = [F.count_if(F.col("change") == change).alias(name) for name, change in COUNTED.items()]
    # a row that moves to another partition leaves the one and enters the other
    key = (*([table.partition] if table.partition else []), *table.key)
    compared = (
        stored(run, table).transform(among).transform(compare_rows, wanted=wanted, key=key, revision=revision)
    )
    changes = keep(compared.observe(seen, *counts).where(F.col("change") != UNTOUCHED))
    found = {name: int(seen.get[name]) for name in COUNTED}
    made = None
    if found["updated"] or found["deleted"]:
        made = run.change(changes, table, **done)
    elif found["inserted"] or (even_empty and not exists(run, table)):
        made = run.append(changes.select(*table.schema.names), table, rows=found["inserted"], **done)
    release(changes)
    return Settled(table.name, **found, version=made)
