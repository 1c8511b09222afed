"""`tapehouse rebuild` of sessions whose rows were harmed, killed at each of its writes."""

import signal
from datetime import UTC, date, datetime, timedelta

from deltalake import DeltaTable

from tapehouse.paths import VENV
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake

# a table's first commit is the epoch's
MOMENTS = tuple(
    f"{table}.{place}=kill@2"
    for table in ("silver.rejected", "silver.quotes", "gold.bars_1m")
    for place in ("inside", "after")
)
HARMS = {
    "silver/rejected": "offset % 3 = 0",
    "silver/quotes": "offset % 7 = 0",
    "gold/bars_1m": "quote_count % 5 = 0",
}
ENDS_WITHIN = 180


def killed_at_each_write(lake: Lake, options: Options) -> None:
    """What one run has committed the next finds equal; the last one goes through."""
    del options  # nothing is left to chance
    driver = lake.driver(max_offsets=200_000)
    lake.send(1.0)
    lake.wait_caught_up(driver)
    lake.stop(driver)
    first = _first_session(lake)
    # a message that has no session goes by its Kafka date, and one of the future by its own
    last = datetime.now(UTC).date() + timedelta(366)
    for path, where in HARMS.items():
        assert _table(lake, path).delete(where)["num_deleted_rows"], f"no row of {path} was harmed"
    command = [VENV / "bin" / "tapehouse", "rebuild", "--from", str(first), "--to", str(last)]
    for moment in MOMENTS:
        lake.meet(Fault("rebuild", "kill -9", moment.partition("=")[0]))
        run = lake.program(command, failpoints=moment)
        code = run.ended(seconds=ENDS_WITHIN)
        run.kill()  # whatever its other half has left
        assert code == -signal.SIGKILL, f"ended with {code}, not by kill -9; {run.last_words}"
    run = lake.program(command)
    assert run.ended(seconds=ENDS_WITHIN) == 0, run.last_words
    lake.check()


def _first_session(lake: Lake) -> date:
    partitions = _table(lake, "silver/quotes").partitions()
    return min(date.fromisoformat(str(partition["session"])) for partition in partitions)


def _table(lake: Lake, path: str) -> DeltaTable:
    root = lake.settings.processed_url if path.startswith("gold") else lake.settings.realtime_url
    return DeltaTable(f"{root}/{path}", storage_options=lake.settings.storage_options())
