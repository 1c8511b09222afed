"""verify finds each fault that is planted in a copy of the tables, and none in the tables as they were made."""

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake

from tapehouse.services.instance import Instance
from tapehouse.services.store import s3_client
from tests.stack import Stack, call

URLS = ("TAPEHOUSE_REALTIME_URL", "TAPEHOUSE_PROCESSED_URL")


@pytest.fixture
def copied(lake: Stack, monkeypatch: pytest.MonkeyPatch, services: Instance) -> Callable[[str], DeltaTable]:
    """Opens a table of a copy of the lake, to which verify is pointed."""
    client = s3_client(services._place())
    for name in URLS:
        url = urlparse(lake.environment[name])
        prefix, copy = url.path.strip("/"), f"copy/{os.urandom(6).hex()}"
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=url.netloc, Prefix=f"{prefix}/"):
            for item in page["Contents"]:
                content = client.get_object(Bucket=url.netloc, Key=item["Key"])["Body"].read()
                client.put_object(Bucket=url.netloc, Key=item["Key"].replace(prefix, copy, 1), Body=content)
        monkeypatch.setenv(name, f"s3://{url.netloc}/{copy}")
    options = lake.settings.storage_options()

    def open_copy(table: str) -> DeltaTable:
        root = os.environ[URLS[table.startswith("gold")]]
        return DeltaTable(f"{root}/{table.replace('.', '/')}", storage_options=options)

    return open_copy


def first_row(table: DeltaTable) -> pyarrow.Table:
    return table.to_pyarrow_table().slice(0, 1)


def remove_a_bronze_row(bronze: DeltaTable) -> None:
    row = first_row(bronze).to_pylist()[0]
    bronze.delete(f'"partition" = {row["partition"]} AND "offset" = {row["offset"]}')


def double_a_row(table: DeltaTable) -> None:
    write_deltalake(table, first_row(table), mode="append")


def change(name: str, value: Callable[[Any], Any]) -> Callable[[DeltaTable], None]:
    """Put another value into one column of one row."""

    def plant(table: DeltaTable) -> None:
        rows = table.to_pyarrow_table()
        index = rows.schema.get_field_index(name)
        old = rows.column(name).to_pylist()
        new = pyarrow.array([value(old[0]), *old[1:]], rows.schema.field(name).type)
        write_deltalake(table, rows.set_column(index, rows.schema.field(name), new), mode="overwrite")

    return plant


def remove_a_bar(gold: DeltaTable) -> None:
    row = first_row(gold)
    start = pc.strftime(row.column("bar_start"), "%Y-%m-%dT%H:%M:%SZ")[0].as_py()
    gold.delete(f"instrument_id = '{row.column('instrument_id')[0]}' AND bar_start = '{start}'")


MICRO = Decimal("0.000001")
FAULTS: dict[str, tuple[str, Callable[[DeltaTable], None], int, str]] = {
    # what is planted: the table, how, the invariant and the statement that must fail
    "a bronze row removed": ("bronze.quotes", remove_a_bronze_row, 1, "without a hole"),
    "a bronze row doubled": ("bronze.quotes", double_a_row, 1, "without a hole"),
    "a bronze value changed": (
        "bronze.quotes",
        change("value", lambda v: v.replace(b'"price":"', b'"price":"1')),
        2,
        "rules that it breaks",
    ),
    "a silver row doubled": ("silver.quotes", double_a_row, 2, "each accepted event once"),
    "a silver price changed": (
        "silver.quotes",
        change("price", lambda p: p + MICRO),
        2,
        "what its message says",
    ),
    "a rejected row doubled": ("silver.rejected", double_a_row, 2, "once, byte for byte"),
    "a close changed in the merged table": (
        "gold.bars_1m",
        change("close", lambda c: c + MICRO),
        3,
        "gold.bars_1m by itself",
    ),
    "a close changed in the log": (
        "gold.bars_1m_log",
        change("close", lambda c: c - MICRO),
        3,
        "worked out afresh",
    ),
    "a bar removed": ("gold.bars_1m", remove_a_bar, 3, "gold.bars_1m by itself"),
    "a bar doubled": ("gold.bars_1m", double_a_row, 3, "one row a key"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(copied: Callable[[str], DeltaTable], fault: str) -> None:
    table, plant, invariant, statement = FAULTS[fault]
    plant(copied(table))
    code, out, err = call("verify", "--json", "--from", "2023-09-01")
    assert code == 1, err
    failed = [check for check in json.loads(out)["checks"] if not check["ok"]]
    assert any(check["invariant"] == invariant and statement in check["statement"] for check in failed), out
    assert all(check["examples"] or check["counted"] for check in failed)


def test_the_copy_without_a_fault_holds(copied: Callable[[str], DeltaTable]) -> None:
    assert copied("gold.bars_1m").version() > 0
    code, out, err = call("verify")
    assert code == 0, out + err
    assert "all invariants hold for sessions [2023-09-05, 2023-09-06)" in out


def test_an_instrument_that_has_left_the_file_is_checked_as_it_was_recorded(
    lake: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_apple = tmp_path / "instruments.yaml"
    known = lake.settings.instruments.read_text()
    without_apple.write_text(known.replace("yahoo: AAPL", "yahoo: AAPL.OLD"))
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(without_apple))
    code, out, err = call("verify")
    assert code == 0, out + err


@pytest.mark.usefixtures("lake")
def test_a_range_without_data_is_exit_code_2_and_never_a_pass() -> None:
    code, out, err = call("verify", "--from", "2023-09-07", "--to", "2023-09-08")
    assert (code, out) == (2, "")
    assert "no session of silver.quotes lies in [2023-09-07, 2023-09-08)" in err
    assert "the newest is 2023-09-05" in err


def test_an_empty_lake_is_exit_code_2(stack: Stack) -> None:
    code, _, err = call("verify")
    assert code == 2
    assert f"nothing at {stack.environment['TAPEHOUSE_REALTIME_URL']}" in err


def test_what_not_all_tables_have_recorded_yet_is_said_and_not_checked(
    copied: Callable[[str], DeltaTable], services: Instance
) -> None:
    # gold's log without its last batch: bronze and silver are ahead of it, as they are in the middle of a batch
    log = copied("gold.bars_1m_log")
    last_batch = max(entry["version"] for entry in log.history() if '"batch"' in str(entry["userMetadata"]))
    client, url = s3_client(services._place()), urlparse(log.table_uri)
    for version in range(last_batch, log.version() + 1):
        for kind in ("json", "crc"):
            client.delete_object(
                Bucket=url.netloc, Key=f"{url.path.strip('/')}/_delta_log/{version:020}.{kind}"
            )
    code, out, err = call("verify", "--json")
    assert code == 0, out + err
    assert json.loads(out)["not_yet_checked"] > 100
