"""The whole way, from the topic to the warehouse, at kills of whatever works on it; the seed chooses which and when."""

import csv
import io
import signal
import time
from collections.abc import Mapping

from deltalake import DeltaTable

from tapehouse.paths import VENV
from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.kills import end, wait_for_a_batch
from tests.faults.lake import BARS, Lake, find_answers
from tests.faults.services import kill_and_start
from tests.vendors.snowflake_stand_in import stand_in

TARGETS = ("driver", "kafka", "store", "postgres", "loader")
KILLS = 20
STEPS = ("put", "copy", "merge", "receipt", "commit")
TABLE = "gold.bars_1m"
DEAD_SECONDS, THERE_WITHIN, DIES_WITHIN = 3.0, 180, 120
RECEIPTS = "SELECT count(*) AS receipts, count(DISTINCT load_id) AS loads FROM lake_loads"
Engine = Mapping[str, str]


def whole_way(lake: Lake, options: Options) -> None:
    """Each dies four times while messages come; then lake and warehouses equal the answers."""
    chance = options.chance()
    targets = [target for target in TARGETS for _ in range(KILLS // len(TARGETS))]
    chance.shuffle(targets)
    with stand_in(lake.folder / "stand-in") as server:
        engines: list[Engine] = [{"WAREHOUSE": "duckdb"}, server.environment("GOLD")]
        driver = lake.driver(max_offsets=500)
        lake.send(0.1)
        driver.wait_for(lambda: _is_there(lake), what=f"{TABLE} is there", seconds=THERE_WITHIN)
        for number, target in enumerate(targets):
            lake.send(0.8 / len(targets))
            wait_for_a_batch(driver)
            moment = chance.uniform(0, 3)
            if target == "loader":
                _kill_loader(lake, engines[number % 2], step=chance.choice(STEPS))
                continue
            half = chance.choice(["all", "java", "python"])
            who = f"{target} ({half})" if target == "driver" else target
            lake.meet(Fault(who, "kill -9", f"{moment:.1f} s after messages came"))
            time.sleep(moment)
            if target == "driver":
                end(driver, half=half)
                driver = lake.driver(max_offsets=500)
            else:
                kill_and_start(lake.instance, target, dead_seconds=DEAD_SECONDS)
        lake.finish(driver)
        for engine in engines:
            _check(lake, engine)


def _is_there(lake: Lake) -> bool:
    url = f"{lake.settings.processed_url}/gold/bars_1m"
    return DeltaTable.is_deltatable(url, lake.settings.storage_options())


def _kill_loader(lake: Lake, engine: Engine, *, step: str) -> None:
    lake.meet(Fault(f"the loader into {engine['WAREHOUSE']}", "kill -9", f"after {step}"))
    loader = _load(lake, engine, "--full", failpoints=f"warehouse.{step}=kill")
    code = loader.ended(seconds=DIES_WITHIN)
    assert code == -signal.SIGKILL, f"the loader ended with {code}, not by kill -9; {loader.last_words}"


def _load(lake: Lake, engine: Engine, *options: str, failpoints: str = "") -> Driver:
    command = [VENV / "bin" / "tapehouse", "load", TABLE, *options]
    return lake.program(command, failpoints=failpoints, environment=dict(engine))


def _check(lake: Lake, engine: Engine) -> None:
    """A load, after which the warehouse is the lake, and the answers, each load with one receipt."""
    loader = _load(lake, engine)
    code = loader.ended(seconds=DIES_WITHIN)
    assert code == 0, f"the loader ended with {code}; {loader.last_words}"
    compared = lake.tapehouse("reconcile", environment=engine)
    assert compared.returncode == 0, f"reconcile: {compared.stdout[-2000:]} {compared.stderr[-1000:]}"
    (counted,) = _rows(lake, engine, RECEIPTS)
    assert counted["receipts"] == counted["loads"], f"receipts are there twice: {counted}"
    answers = find_answers()
    if answers is not None:
        # times are in UTC there, without a zone
        bars = [row | {"bar_start": f"{row['bar_start']}Z"} for row in _rows(lake, engine, BARS)]
        assert bars == answers, "the warehouse's bars differ from the answers"


def _rows(lake: Lake, engine: Engine, query: str) -> list[dict[str, str]]:
    asked = lake.tapehouse("sql", "--warehouse", query, "--format", "csv", environment=engine)
    assert asked.returncode == 0, asked.stderr[-1000:]
    return [
        {name.lower(): value for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(asked.stdout))
    ]
