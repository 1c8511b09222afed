"""python -m tests.bench.warehouse_load WHO FOLDER: load version 1 of a table of bars; the seconds that it took.

WHO is tapehouse: a version without a row is loaded first, then one with all of them, by PUT, COPY, MERGE, with its rows
and checksums compared before the commit. Or write_pandas: the connector's own way to write a frame, in this process,
since it cannot write through the stand-in's protocol; nothing is compared.
"""

import sys
import time
from pathlib import Path

import pyarrow as pa
from pyspark.sql import types as T

from jobs.lake.settings import read_settings
from jobs.lake.tables import CHANGE_FEED, Table
from jobs.warehouse.connect import open_warehouse
from jobs.warehouse.load import Loader

BARS = Table(
    "gold.bars", "Bars of a bench.", T.StructType(), ("symbol", "bar_start"), None, "nobody", CHANGE_FEED
)
SCHEMA = pa.schema([
    ("symbol", pa.string()),
    ("bar_start", pa.timestamp("us", "UTC")),
    ("session", pa.date32()),
    ("open", pa.decimal128(18, 6)),
    ("high", pa.decimal128(18, 6)),
    ("low", pa.decimal128(18, 6)),
    ("close", pa.decimal128(18, 6)),
    ("volume", pa.int64()),
])


def by_tapehouse() -> float:
    settings = read_settings()
    loader = Loader(settings, lambda: open_warehouse(settings))
    loader.load(BARS, version=0)
    began = time.monotonic()
    receipt = loader.load(BARS, version=1).receipt
    seconds = time.monotonic() - began
    loader.close()
    assert (receipt.mode, receipt.rows_inserted) == ("delta", receipt.rows_total)
    return seconds


def by_write_pandas(folder: Path) -> float:
    import fakesnow
    import snowflake.connector
    from deltalake import DeltaTable
    from snowflake.connector import pandas_tools

    with fakesnow.patch():
        connection = snowflake.connector.connect(database="TAPEHOUSE", schema="GOLD")
        columns = ", ".join(
            f'"{name}" {_type(kind)}' for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True)
        )
        connection.cursor().execute(f'CREATE TABLE "BARS" ({columns})')
        frame = DeltaTable(str(folder / "gold" / "bars"), version=1).to_pandas()
        began = time.monotonic()
        pandas_tools.write_pandas(connection, frame, "BARS")
        return time.monotonic() - began


def _type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return "NUMBER(18,6)"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP_TZ"
    return "DATE" if pa.types.is_date(kind) else "NUMBER(38,0)" if pa.types.is_integer(kind) else "VARCHAR"


if __name__ == "__main__":
    who, folder = sys.argv[1], Path(sys.argv[2])
    print(by_tapehouse() if who == "tapehouse" else by_write_pandas(folder))
