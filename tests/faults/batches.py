"""`tapehouse batch` under kill -9 at a write of each table: run again, it makes what it makes undisturbed."""

import signal
from collections.abc import Iterator
from itertools import islice

from deltalake import DeltaTable

from jobs.lake.history_tables import HISTORY_TABLES
from jobs.lake.settings import Settings
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
ENDS_WITHIN = 300


def killed_at_each_write(lake: Lake, options: Options) -> None:
    """While the tables are made, and once more when more is told, some of it otherwise than before."""
    chance = options.chance()
    raw = f"s3://raw/{lake.folder.name}"
    undisturbed = {
        "TAPEHOUSE_RAW_URL": raw,
        "TAPEHOUSE_PROCESSED_URL": f"{raw.replace('raw', 'processed')}-2",
    }
    lake.environment["TAPEHOUSE_RAW_URL"] = raw
    store = open_raw_store(Settings(**lake.environment))
    days = _with_bad_lines(captures(SYMBOLS, SESSIONS, seed=options.seed))
    for part in ("while the tables are made", "when more is told"):
        keep_captures(store, islice(days, SESSIONS // 2))
        for table in _written(lake, undisturbed):
            _kill_at(lake, f"{table}.{chance.choice(MOMENTS)}", part)
        _run(lake, {})
        _compare(lake, undisturbed)


def _written(lake: Lake, undisturbed: dict[str, str]) -> list[str]:
    """The tables that a batch writes now, as an undisturbed one shows."""
    before = _versions(lake, undisturbed)
    _run(lake, undisturbed)
    after = _versions(lake, undisturbed)
    return [table.name for table in HISTORY_TABLES if after.get(table.name) != before.get(table.name)]


def _kill_at(lake: Lake, place: str, part: str) -> None:
    lake.meet(Fault("tapehouse batch", "kill -9", f"at {place}, {part}"))
    program = lake.program(COMMAND, failpoints=f"{place}=kill")
    code = program.ended(seconds=ENDS_WITHIN)
    assert code == -signal.SIGKILL, f"ended with {code}, not by kill -9; {program.last_words}"


def _run(lake: Lake, environment: dict[str, str]) -> None:
    program = lake.program(COMMAND, environment=environment)
    code = program.ended(seconds=ENDS_WITHIN)
    assert code == 0, f"ended with {code}; {program.last_words}"


def _versions(lake: Lake, environment: dict[str, str]) -> dict[str, int]:
    settings = Settings(**lake.environment | environment)
    options = settings.storage_options()
    urls = {table.name: table.path(settings).replace("s3a://", "s3://") for table in HISTORY_TABLES}
    return {
        name: DeltaTable(url, storage_options=options).version()
        for name, url in urls.items()
        if DeltaTable.is_deltatable(url, options)
    }


def _compare(lake: Lake, undisturbed: dict[str, str]) -> None:
    """Each table as the undisturbed batch made it: to the last column of the last row."""
    found = [_content(Settings(**lake.environment | other)) for other in ({}, undisturbed)]
    assert found[0].keys() == found[1].keys(), f"other tables: {set(found[0]) ^ set(found[1])}"
    for table, rows in found[0].items():
        assert rows, f"{table} is empty: nothing was shown"
        assert rows == found[1][table], f"{table} differs from what an undisturbed batch makes"


def _content(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    connection = connect()
    wanted = {table.name for table in HISTORY_TABLES}
    there = [table for table in attach(connection, settings, versions={}) if table in wanted]
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in there}


def _with_bad_lines(days: Iterator[Day]) -> Iterator[Day]:
    """A line of each capture is none."""
    for day in days:
        yield Day(day.session, [*day.bars, BAD], day.actions)
