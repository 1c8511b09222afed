"""A session is rebuilt from bronze: what was wrong is right, what was equal is left, and the stream goes on."""

import json
import uuid
from contextlib import closing
from datetime import timedelta
from typing import Any

import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake

from jobs.lake.configuration import Configuration, read_facts
from jobs.lake.errors import LeaseError, NoDataError, StoppedError, UnfinishedBatchError
from jobs.lake.lease import Lease
from jobs.lake.rebuild import rebuild
from jobs.lake.rebuild_days import Wanted, find_days
from jobs.lake.rebuild_writer import Outcome
from jobs.lake.stop import StopRequest
from jobs.lake.tables import STREAM
from producers.events import Message
from tests.builders import DAY, line, quote
from tests.stack import Stack, call, no_room_for

SESSION = DAY.date()
BAD = Message("yahoo_recording", b"frame", quote("14:30:03 AAPL -5 4"))
RANGE = ["--from", "2023-09-05", "--to", "2023-09-06"]
REJECTED, SILVER, GOLD, LOG = "silver.rejected", "silver.quotes", "gold.bars_1m", "gold.bars_1m_log"
BARS = "SELECT close, is_final, revision FROM gold.bars_1m ORDER BY bar_start"


# the first two bars are final, the others are not; the one that is bad is of the session all the same
MESSAGES = [
    line("14:30:01"),
    line("14:30:01"),
    line("14:31:01", "11", "3"),
    BAD,
    line("14:45:01", "12", "5"),
    line("14:46:01", "13", "7"),
]


def rebuilt(stack: Stack, **options: Any) -> list[Outcome]:
    """What was done to each table of the session."""
    wanted = Wanted.of(None, SESSION, SESSION + timedelta(1))
    return rebuild(stack.settings, wanted, start_spark=lambda: stack.spark, **options)


def counts(done: list[Outcome]) -> dict[str, tuple[int, int, int, int]]:
    """By table: inserted, updated, deleted, untouched."""
    return {o.table: (o.inserted, o.updated, o.deleted, o.untouched) for o in done}


def verified() -> None:
    code, report, errors = call("verify", "--from", str(SESSION))
    assert code == 0, report + errors


def opened(stack: Stack, table: str) -> DeltaTable:
    root = stack.settings.processed_url if table.startswith("gold") else stack.settings.realtime_url
    return DeltaTable(f"{root}/{table.replace('.', '/')}", storage_options=stack.settings.storage_options())


def add(table: DeltaTable, like: dict[str, Any], **changes: Any) -> None:
    """A row like another of the table, with other values in it."""
    schema = pyarrow.schema(table.schema())
    write_deltalake(table, pyarrow.Table.from_pylist([like | changes], schema=schema), mode="append")


def damage(stack: Stack) -> None:
    """As if transforms had had a fault: rows missing, too many, twice, and with other values."""
    silver, gold, rejected = (opened(stack, table) for table in (SILVER, GOLD, REJECTED))
    quote_of = {row["price"]: row for row in silver.to_pyarrow_table().to_pylist()}
    silver.delete("price = 12")
    add(silver, quote_of[10])
    add(silver, quote_of[10], event_id="0" * 32, offset=99)
    bar_of = {row["close"]: row for row in gold.to_pyarrow_table().to_pylist()}
    gold.delete("close = 13")
    gold.update(updates={"close": "CAST(99 AS DECIMAL(18, 6))"}, predicate="close = 10")
    add(gold, bar_of[10], bar_start=bar_of[10]["bar_start"] - timedelta(minutes=5))
    (bad,) = rejected.to_pyarrow_table().to_pylist()
    rejected.update(updates={"violations": "make_array('old')"})
    add(rejected, bad, offset=99, kafka_date=SESSION)


@pytest.mark.long
def test_damaged_tables_hold_again_what_bronze_says_and_the_stream_goes_on(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the signals are those of the tests
    monkeypatch.setattr(StopRequest, "listen", lambda *_: None)
    stack.send(MESSAGES)
    stack.drain()
    damage(stack)
    code, out, err = call("rebuild", *RANGE, "--json")
    assert code == 0, err
    # table, session, messages; inserted, updated, deleted, untouched; version
    assert [tuple(outcome.values())[:-1] for outcome in json.loads(out)] == [
        (REJECTED, "2023-09-05", 6, 0, 1, 1, 0),
        (SILVER, "2023-09-05", 6, 2, 0, 2, 2),
        (LOG, "2023-09-05", 6, 0, 0, 4, 0),
        (GOLD, "2023-09-05", 6, 1, 1, 1, 2),
    ]
    assert "event=rebuilt table=gold.bars_1m session=2023-09-05 messages=6 inserted=1 updated=1" in err
    verified()
    bars = [
        {"close": "10.000000", "is_final": "true", "revision": "1"},
        {"close": "11.000000", "is_final": "true", "revision": "0"},
        {"close": "12.000000", "is_final": "false", "revision": "0"},
        {"close": "13.000000", "is_final": "false", "revision": "0"},
    ]
    assert stack.sql(BARS) == bars
    # a late quote, one that silver has, and a new bar
    stack.send([line("14:30:02", "20", "1"), line("14:45:01", "12", "5"), line("14:47:01", "14", "9"), BAD])
    stack.drain()
    verified()
    bars[0] |= {"close": "20.000000", "revision": "2"}
    bars.append({"close": "14.000000", "is_final": "false", "revision": "0"})
    assert stack.sql(BARS) == bars
    assert stack.one("SELECT count(*) FROM silver.quotes") == "6"


@pytest.mark.long
def test_messages_that_are_judged_otherwise_today_change_their_table_and_a_stop_does_no_harm(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [message for message in MESSAGES if message is not BAD]
    stack.send([*good, Message("yahoo_recording", b"frame", quote("14:30:01 MSFT 300 1"))])
    stack.drain()
    before = stack.sql("SELECT * FROM gold.bars_1m ORDER BY ALL")
    known = stack.settings.instruments.read_text()
    without_apple = stack.folder / "instruments.yaml"
    without_apple.write_text(known.replace("yahoo: AAPL", "yahoo: AAPL.OLD"))
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(without_apple))
    third = iter([False, False, True])
    with pytest.raises(StoppedError, match=r"gold\.bars_1m_log of 2023-09-05"):
        rebuilt(stack, stop_asked=lambda: next(third))
    # the rows that would hide gold's have left the log, and gold is as it was: readers see no half of a rebuild
    assert stack.sql("SELECT * FROM gold.bars_1m ORDER BY ALL") == before
    # five messages of Apple, of which silver held four and one was a duplicate
    assert stack.one("SELECT count(*) FROM silver.rejected WHERE violations = ['unknown_instrument']") == "5"
    checks = json.loads(call("verify", "--json")[1])["checks"]
    assert {check["invariant"] for check in checks if not check["ok"]} == {3}
    monkeypatch.delenv("TAPEHOUSE_INSTRUMENTS")
    done = rebuilt(stack)
    assert counts(done) == {REJECTED: (0, 0, 5, 0), SILVER: (4, 0, 0, 1), GOLD: (0, 0, 0, 5)}
    assert [outcome.version is None for outcome in done] == [False, False, True]
    verified()
    assert stack.sql("SELECT * FROM gold.bars_1m ORDER BY ALL") == before


@pytest.mark.long
def test_a_rebuild_is_refused_without_data_beside_a_driver_and_in_the_middle_of_a_batch(
    stack: Stack,
) -> None:
    with pytest.raises(
        NoDataError, match=r"the stream has written nothing yet\nfound: no commit of the stream at s3a://"
    ):
        rebuilt(stack)
    stack.send(MESSAGES)
    with no_room_for(SILVER), pytest.raises(OSError, match="no room"):
        stack.drain()
    with pytest.raises(UnfinishedBatchError, match=r"middle of a batch(.*\n)*.*--trigger available-now"):
        rebuilt(stack)
    stack.drain()
    with closing(Lease(stack.settings, STREAM, run_id=str(uuid.uuid4()))) as lease:
        lease.acquire()
        with pytest.raises(LeaseError, match=r"pid \d+ on .+ since"):
            rebuilt(stack)
    wanted = Wanted.of(None, SESSION - timedelta(9), SESSION)
    configuration = Configuration(stack.spark, stack.settings, read_facts(stack.settings))
    with pytest.raises(
        NoDataError, match=r"of \[2023-08-27, 2023-09-05\)\nfound: days from 2023-09-05 to 20"
    ):
        find_days(stack.spark, stack.settings, configuration, wanted)
    assert NoDataError.exit_code == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--from, --to"),
        (["--from", "2023-09-05"], "--to"),
        (["--from", "soon", "--to", "2023-09-05"], "soon"),
        (["--from", "2023-09-05", "--to", "2023-09-05"], "the range holds no day"),
        (["--table", "bronze.quotes", "--from", "2023-09-05", "--to", "2023-09-06"], "bronze.quotes"),
    ],
)
def test_wrong_usage_is_exit_code_2(options: list[str], said: str) -> None:
    code, out, err = call("rebuild", *options)
    assert (code, out) == (2, "")
    assert said in err
