"""`tapehouse batch` under kill -9 at a write of each table: run again, it makes what it makes undisturbed."""

import signal
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from jobs.lake.history import find_table
from jobs.lake.history_tables import HISTORY_TABLES
from jobs.lake.settings import Settings
from producers.raw_store import Fetched, Range, RawStore
from tapehouse.delta import attach, connect
from tapehouse.paths import VENV
from tapehouse.vendors import open_raw_store
from tests.bench.captures import Day, captures, keep_captures
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake

SYMBOLS, SESSIONS = 40, 12
COMMAND = [VENV / "bin" / "tapehouse", "batch", "--from", "2016-01-01", "--to", "2016-03-01"]
MOMENTS = ("before", "asked", "inside", "after")
BAD = "S00001,soon,1,1,1,1,1"
INSTRUMENTS = """version: 1
instruments:
  - instrument_id: us-apple
    follow:
      - {source: yahoo, dataset: 1d, from: 2016-01-04}
      - {source: yahoo, dataset: 1m, from: 2016-01-04}
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL, alpha_vantage: AAPL}}
"""
BARS, OPENS = "timestamp,open,high,low,close,volume", time(14, 30)
ENDS_WITHIN = 300


def killed_at_each_write(lake: Lake, options: Options) -> None:
    """While the tables are made, and once more when more is told, some of it otherwise than before."""
    chance = options.chance()
    store, undisturbed = prepare(lake)
    days = with_bad_lines(captures(SYMBOLS, SESSIONS, seed=options.seed))
    for part in ("while the tables are made", "when more is told"):
        keep_days(store, list(islice(days, SESSIONS // 2)))
        for table in _written(lake, undisturbed):
            _kill_at(lake, f"{table}.{chance.choice(MOMENTS)}", part)
        run_batch(lake, {})
        compare(lake, undisturbed)


def prepare(lake: Lake) -> tuple[RawStore, dict[str, str]]:
    """A raw bucket of the lake's own, and the environment of a batch that makes other tables of it, undisturbed."""
    raw = f"s3://raw/{lake.folder.name}"
    processed = f"s3://processed/{lake.folder.name}-2"
    instruments = lake.folder / "instruments.yaml"
    instruments.write_text(INSTRUMENTS)
    lake.environment |= {"TAPEHOUSE_RAW_URL": raw, "TAPEHOUSE_INSTRUMENTS": str(instruments)}
    return open_raw_store(Settings(**lake.environment)), {"TAPEHOUSE_PROCESSED_URL": processed}


def keep_days(store: RawStore, told: list[Day]) -> None:
    """Captures of these days, and what two vendors tell of them."""
    keep_captures(store, iter(told))
    _keep_followed(store, [day.session for day in told])


def _written(lake: Lake, undisturbed: dict[str, str]) -> list[str]:
    """The tables that a batch writes now, as an undisturbed one shows, in the order in which it does."""
    before = _commits(lake, undisturbed)
    run_batch(lake, undisturbed)
    after = _commits(lake, undisturbed)
    return sorted((name for name in after if after[name] != before.get(name)), key=after.__getitem__)


def _kill_at(lake: Lake, place: str, part: str) -> None:
    lake.meet(Fault("tapehouse batch", "kill -9", f"at {place}, {part}"))
    program = lake.program(COMMAND, failpoints=f"{place}=kill")
    code = program.ended(seconds=ENDS_WITHIN)
    assert code == -signal.SIGKILL, f"ended with {code}, not by kill -9; {program.last_words}"


def run_batch(lake: Lake, environment: dict[str, str], *, seconds: float = ENDS_WITHIN) -> None:
    """Undisturbed, to its good end."""
    program = lake.program(COMMAND, environment=environment)
    code = program.ended(seconds=seconds)
    assert code == 0, f"ended with {code}; {program.last_words}"


def _commits(lake: Lake, environment: dict[str, str]) -> dict[str, int]:
    """When each table was committed to last, in milliseconds."""
    settings = Settings(**lake.environment | environment)
    return {
        table.name: found.history(1)[0]["timestamp"]
        for table in HISTORY_TABLES
        if (found := find_table(table, settings))
    }


def compare(lake: Lake, undisturbed: dict[str, str], *, may_be_empty: Collection[str] = ()) -> None:
    """Each table as the undisturbed batch made it: to the last column of the last row."""
    found = [_content(Settings(**lake.environment | other)) for other in ({}, undisturbed)]
    assert found[0].keys() == found[1].keys(), f"other tables: {set(found[0]) ^ set(found[1])}"
    for table, rows in found[0].items():
        assert rows or table in may_be_empty, f"{table} is empty: nothing was shown"
        assert rows == found[1][table], f"{table} differs from what an undisturbed batch makes"


def _content(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    connection = connect()
    wanted = {table.name for table in HISTORY_TABLES}
    there = [table for table in attach(connection, settings, versions={}) if table in wanted]
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in there}


def _keep_followed(store: RawStore, sessions: list[date]) -> None:
    """Days and minutes of what is followed: two vendors that differ; a session is missing, and some minutes are."""
    covers = (sessions[0], sessions[-1] + timedelta(1))
    at = datetime.combine(covers[1], time(2), UTC)
    for n, source in enumerate(("yahoo", "alpha_vantage")):
        rows = [_line(day, 100.0 + 5 * n + day.day / 10, 1000) for day in sessions[1:]]
        _keep(store, source, "bars_1d", rows, covers, at)
    rows = [_line(sessions[1], 100.0 + minute / 100, 10, minute) for minute in range(390) if minute % 60]
    _keep(store, "yahoo", "bars_1m", rows, covers, at)
    _keep(store, "yahoo", "actions", [], covers, at)


def _line(day: date, price: float, volume: int, minute: int = 0) -> str:
    moment = datetime.combine(day, OPENS, UTC) + timedelta(minutes=minute)
    return f"{moment.timestamp():.0f},{price},{price + 1},{price - 1},{price},{volume}"


def _keep(
    store: RawStore, source: str, dataset: str, rows: list[str], covers: tuple[date, date], at: datetime
) -> None:
    header = "event,date,amount,numerator,denominator,splitRatio" if dataset == "actions" else BARS
    table = "\n".join([header, *rows, ""]).encode()
    facts = {"basis": "split_adjusted" if source == "yahoo" else "raw", "labels": "start", "time_zone": "UTC"}
    columns = "timestamp=timestamp,open=open,high=high,low=low,close=close,volume=volume"
    told = {} if dataset == "actions" else facts | {"columns": columns}
    store.keep(
        Range(source, dataset, "AAPL", *covers),
        Fetched(table, table, len(rows), "made up", at, covers, told),
        request_id="proof",
        instrument_id="us-apple",
    )


def with_bad_lines(days: Iterator[Day]) -> Iterator[Day]:
    """A line of each capture is none."""
    for day in days:
        yield Day(day.session, [*day.bars, BAD], day.actions)
