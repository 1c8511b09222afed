"""A Spark master with two workers, of which one is killed while the stream and a batch work."""

import time

from tapehouse.services.spark import state_of_master
from tests.bench.captures import captures
from tests.faults.airflow_eyes import others_can_not_come_in
from tests.faults.batches import (
    COMMAND,
    SESSIONS,
    SYMBOLS,
    compare,
    keep_days,
    prepare,
    run_batch,
    with_bad_lines,
)
from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options, SkippedError
from tests.faults.lake import CAUGHT_UP_WITHIN, Lake
from tests.faults.services import kill_and_start

WORKERS = ("spark-worker-1", "spark-worker-2")
DEAD_SECONDS, BATCH_WITHIN = 20.0, 1500.0


def killed(lake: Lake, options: Options) -> None:
    """kill -9 of each worker during the main job, of one during the batch jobs: the results are equal."""
    chance = options.chance()
    must_have_workers(lake)
    driver = lake.driver(max_offsets=1_000)
    for worker in WORKERS:
        lake.send(0.2)
        _wait_for_a_batch(driver)
        others_can_not_come_in([
            driver.process.pid,
            *[one.pid for one in lake.instance.services() if one.pid],
        ])
        time.sleep(chance.uniform(0, 3))
        lake.meet(Fault(worker, "kill -9", "with its executor, while the stream works"))
        lake.send(0.2)
        kill_and_start(lake.instance, worker, dead_seconds=DEAD_SECONDS)
    if lake.sent < len(lake.tape):
        lake.send(1.0)
    lake.wait_caught_up(driver, seconds=2 * CAUGHT_UP_WITHIN)
    lake.finish(driver)
    _during_the_batch_jobs(lake, options)


def must_have_workers(lake: Lake) -> None:
    if WORKERS[0] not in {service.name for service in lake.instance.services()}:
        raise SkippedError("it needs a Spark master with workers: --profile cluster")


def _wait_for_a_batch(driver: Driver) -> None:
    before = driver.batches
    driver.wait_for(lambda: driver.batches > before, what="a batch", seconds=180)


def _during_the_batch_jobs(lake: Lake, options: Options) -> None:
    """All jobs of history in one program, on the two workers: once undisturbed, once with a kill of one."""
    chance = options.chance()
    store, undisturbed = prepare(lake)
    keep_days(store, list(with_bad_lines(captures(SYMBOLS, SESSIONS, seed=options.seed))))
    run_batch(lake, undisturbed, seconds=BATCH_WITHIN)
    program, worker = lake.program(COMMAND), chance.choice(WORKERS)
    program.wait_for(lambda: _works(lake), what="an executor", seconds=120)
    time.sleep(chance.uniform(5, 20))
    assert program.process.poll() is None, f"the batch was over before {worker} was killed"
    lake.meet(Fault(worker, "kill -9", "with its executor, while the batch jobs work"))
    kill_and_start(lake.instance, worker, dead_seconds=DEAD_SECONDS)
    code = program.ended(seconds=BATCH_WITHIN)
    assert code == 0, f"ended with {code}; {program.last_words}"
    compare(lake, undisturbed)


def _works(lake: Lake) -> bool:
    return any(app["cores"] for app in state_of_master(lake.instance.reserve())["activeapps"])
