"""The daily captures as their archives hold them: what they said up to a moment, worked out by DuckDB alone."""

import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.lake.settings import Settings
from tapehouse.delta import connect
from tapehouse.known_at import attach_known

if TYPE_CHECKING:
    import pyarrow

CLOSED = ("2017-01-02", "2017-01-16", "2017-02-20")
# of a key the last line of the newest capture that has it
UP_TO = """
CREATE TABLE wanted AS
SELECT parts[1] AS symbol, parts[2]::DATE AS session, parts[3]::DECIMAL(28, 12) AS open,
    parts[4]::DECIMAL(28, 12) AS high, parts[5]::DECIMAL(28, 12) AS low, parts[6]::DECIMAL(28, 12) AS close,
    parts[7]::BIGINT AS volume
FROM (SELECT captured, row, string_split(line, ',') AS parts FROM lines WHERE captured <= ?)
WHERE parts[1] <> 'symbol'
QUALIFY row_number() OVER (PARTITION BY parts[1], parts[2] ORDER BY captured DESC, row DESC) = 1
"""
COMPARE = """
SELECT (SELECT count(*) FROM wanted WHERE {where}),
    (SELECT count(*) FROM (SELECT {columns} FROM {table} EXCEPT ALL SELECT {columns} FROM wanted WHERE {where})),
    (SELECT count(*) FROM (SELECT {columns} FROM wanted WHERE {where} EXCEPT ALL SELECT {columns} FROM {table})),
    (SELECT max(known_from) FROM {table})
"""
COLUMNS = "symbol, session, open, high, low, close, volume"


def lines_of(files: Iterable[Path]) -> "pyarrow.Table":
    """Every line with its number and the time of its capture, 22:00 UTC of its day."""
    import pyarrow

    captured: list[datetime] = []
    numbers: list[int] = []
    lines: list[str] = []
    for file in files:
        with tarfile.open(file) as archive:
            name = next(each for each in archive.getnames() if each.endswith("prices.csv"))
            stream = archive.extractfile(name)
            assert stream is not None
            told = stream.read().decode().splitlines()
        captured += [datetime.strptime(f"{file.name[:8]}22", "%Y%m%d%H").replace(tzinfo=UTC)] * len(told)
        numbers += range(len(told))
        lines += told
    return pyarrow.table({"captured": captured, "row": numbers, "line": lines})


def compare(settings: Settings, lines: "pyarrow.Table", moment: datetime) -> dict[str, int]:
    """How many bars each table shows as known at a moment, which must be those of the captures up to it."""
    connection = connect()
    attach_known(
        connection,
        settings,
        query="silver.bars_1d, gold.bars_1d",
        moment=moment,
        symbols=None,
        assume_close=False,
    )
    connection.register("lines", lines)
    connection.execute(UP_TO, [moment])
    closed = ", ".join(f"DATE '{day}'" for day in CLOSED)
    counts = {}
    for table, where in (("silver.bars_1d", "true"), ("gold.bars_1d", f"session NOT IN ({closed})")):
        query = COMPARE.format(table=table, where=where, columns=COLUMNS)
        ((count, more, fewer, newest),) = connection.sql(query).fetchall()
        assert (more, fewer) == (0, 0), (table, moment)
        assert newest is None or newest <= moment
        counts[table] = count
    return counts
