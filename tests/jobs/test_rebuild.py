"""A session is rebuilt from bronze: what was wrong is right, what was equal is left, and the stream goes on."""

import json
import uuid
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from jobs.lake import rebuild as rebuild_module
from jobs.lake.errors import LeaseError, NoDataError, StoppedError, UnfinishedBatchError
from jobs.lake.lease import Lease
from jobs.lake.progress import Commit
from jobs.lake.rebuild import rebuild
from jobs.lake.rebuild_days import Wanted
from jobs.lake.rebuild_writer import Outcome
from jobs.lake.tables import STREAM, Table
from jobs.lake.write import TableWriter
from producers.events import Message
from tests.builders import DAY, quote
from tests.stack import Stack, call

SESSION = DAY.date()
BAD = Message("yahoo_recording", b"rubbish", None)
REJECTED, SILVER, GOLD, LOG = "silver.rejected", "silver.quotes", "gold.bars_1m", "gold.bars_1m_log"
NOTHING = (0, 0, 0, 0)
CHANGE = TableWriter.change
BARS = "SELECT close, is_final, revision FROM gold.bars_1m ORDER BY bar_start"


def line(clock: str, price: str = "10", volume: str = "1") -> Message:
    return Message("yahoo_recording", b"frame", quote(f"{clock} AAPL {price} {volume}"))


# the first two bars are final, the others are not
MESSAGES = [
    line("14:30:01"),
    line("14:30:01"),
    line("14:31:01", "11", "3"),
    BAD,
    line("14:45:01", "12", "5"),
    line("14:46:01", "13", "7"),
]


def rebuilt(stack: Stack, *tables: str, last: date = SESSION + timedelta(1), **options: Any) -> list[Outcome]:
    """What was done to each table from the session on."""
    wanted = Wanted.of(tables, SESSION, last)
    return rebuild(stack.settings, wanted, start_spark=lambda: stack.spark, **options)


def counts(done: list[Outcome], *, session: bool = True) -> dict[str, tuple[int, int, int, int]]:
    """By table: inserted, updated, deleted, untouched; of the session, or of the day of the bad messages."""
    return {
        o.table: (o.inserted, o.updated, o.deleted, o.untouched)
        for o in done
        if (o.session == SESSION) == session
    }


def verified() -> None:
    code, report, errors = call("verify", "--from", str(SESSION))
    assert code == 0, report + errors


def opened(stack: Stack, table: str) -> DeltaTable:
    root = stack.settings.processed_url if table.startswith("gold") else stack.settings.realtime_url
    return DeltaTable(f"{root}/{table.replace('.', '/')}", storage_options=stack.settings.storage_options())


def add(table: DeltaTable, row: int, **changes: Any) -> None:
    """One of the table's rows once more, with other values in it."""
    rows = table.to_pyarrow_table()
    again = {**rows.to_pylist()[row], **changes}
    write_deltalake(table, rows.from_pylist([again], schema=rows.schema), mode="append")


def damage(stack: Stack) -> None:
    """As if transforms had had a fault: rows missing, too many, twice, and with other values."""
    silver, gold, rejected = (opened(stack, table) for table in (SILVER, GOLD, REJECTED))
    add(silver, 0, event_id="0" * 32, offset=99)
    silver.delete("price = 12")
    add(silver, 0)
    gold.delete("close = 13")
    gold.update(updates={"close": "CAST(99 AS DECIMAL(18, 6))"}, predicate="close = 10")
    start = gold.to_pyarrow_table().column("bar_start")[0].as_py()
    add(gold, 0, bar_start=start - timedelta(minutes=5))
    rejected.update(updates={"violations": "make_array('old')"})
    add(rejected, 0, offset=99)


def crash_after(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild ends once it has changed a table."""

    def change(self: TableWriter, rows: Any, *, table: Table, **options: Any) -> int:
        version = CHANGE(self, rows, table=table, **options)
        if table.name == name:
            raise OSError(name)
        return version

    monkeypatch.setattr(TableWriter, "change", change)


def test_damaged_tables_hold_again_what_bronze_says_and_the_stream_goes_on(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.send(MESSAGES)
    stack.drain()
    damage(stack)
    # bad messages have no session: they go by the date on which they came
    everything = datetime.now(UTC).date() + timedelta(2)
    crash_after(LOG, monkeypatch)
    with pytest.raises(OSError, match=LOG):
        rebuilt(stack)
    # gold's own rows as they were, none of the new
    assert [bar["close"] for bar in stack.sql(BARS)] == ["10.000000", "99.000000", "11.000000", "12.000000"]
    monkeypatch.setattr(TableWriter, "change", CHANGE)
    done = rebuilt(stack, last=everything)
    assert counts(done) == {REJECTED: (0, 0, 0, 0), SILVER: (0, 0, 0, 4), GOLD: (1, 1, 1, 2)}
    assert counts(done, session=False) == {REJECTED: (0, 1, 1, 0), SILVER: NOTHING, GOLD: NOTHING}
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


def test_messages_that_are_judged_otherwise_today_change_their_table_even_after_an_interruption(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.send([*MESSAGES, Message("yahoo_recording", b"frame", quote("14:30:01 MSFT 300 1"))])
    stack.drain()
    before = stack.sql("SELECT * FROM gold.bars_1m ORDER BY ALL")
    known = stack.settings.instruments.read_text()
    without_apple = stack.folder / "instruments.yaml"
    without_apple.write_text(known.replace("yahoo: AAPL", "yahoo: AAPL.OLD"))
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(without_apple))
    with pytest.raises(StoppedError, match=r"silver\.rejected of 2023-09-05"):
        rebuilt(stack, stop_asked=lambda: True)
    assert counts(rebuilt(stack)) == {
        REJECTED: (0, 0, 0, 5),
        SILVER: (0, 0, 4, 1),
        LOG: (0, 0, 5, 0),
        GOLD: (0, 0, 4, 1),
    }
    verified()
    monkeypatch.delenv("TAPEHOUSE_INSTRUMENTS")
    assert counts(rebuilt(stack)) == {REJECTED: (0, 0, 5, 0), SILVER: (4, 0, 0, 1), GOLD: (4, 0, 0, 1)}
    verified()
    assert stack.sql("SELECT * FROM gold.bars_1m ORDER BY ALL") == before


def test_a_rebuild_of_what_is_equal_commits_nothing_and_says_so(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        rebuild_module, "StopRequest", lambda spark: False
    )  # the signals are those of the tests
    with pytest.raises(
        NoDataError, match=r"nothing to rebuild from\nfound: no commit of the stream at s3a://"
    ):
        rebuilt(stack)
    stack.send(MESSAGES)
    stack.drain()
    code, out, err = call("rebuild", "--from", SESSION, "--to", SESSION + timedelta(1), "--json")
    assert code == 0, err
    rejected, silver, gold = json.loads(out)
    assert [rejected["table"], silver["table"], gold["table"]] == [REJECTED, SILVER, GOLD]
    assert gold == {
        "table": GOLD,
        "session": str(SESSION),
        "messages": 5,
        "untouched": 4,
        "version": None,
    } | dict.fromkeys(("inserted", "updated", "deleted"), 0)
    assert f"event=rebuilt table={GOLD} session=2023-09-05" in err
    code, out, err = call("rebuild", "--from", SESSION - timedelta(9), "--to", SESSION)
    assert (code, out) == (2, "")
    assert "holds anything of [2023-08-27, 2023-09-05)\nfound: days from 2023-09-05 to 20" in err


def test_a_rebuild_is_refused_beside_a_driver_and_in_the_middle_of_a_batch(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = TableWriter.append

    def refuse(self: TableWriter, frame: Any, *, table: Table, commit: Commit, **options: Any) -> int:
        if table.name == SILVER and commit.kind == "batch":
            raise OSError("no room")
        return append(self, frame, table=table, commit=commit, **options)

    monkeypatch.setattr(TableWriter, "append", refuse)
    stack.send(MESSAGES)
    with pytest.raises(OSError, match="no room"):
        stack.drain()
    with closing(Lease(stack.settings, STREAM, run_id=str(uuid.uuid4()))) as lease:
        lease.acquire()
        with pytest.raises(LeaseError, match=r"pid \d+ on .+ since"):
            rebuilt(stack)
    with pytest.raises(UnfinishedBatchError, match=r"middle of a batch(.*\n)*.*--trigger available-now"):
        rebuilt(stack)


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
