"""SIGSTOP and SIGCONT of the driver, of its halves, of each service, and of everything at once."""

import contextlib
import os
import signal
import time

from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake
from tests.faults.services import SERVICES, outlast, tree

SECONDS, LID_CLOSED_SECONDS = 90.0, 600.0
TARGETS = ("driver", "driver's JVM", "driver's Python half", *SERVICES, "everything")


def one_after_the_other(lake: Lake, options: Options) -> None:
    """Nobody else wants the lease, so one driver outlasts them all."""
    _pause_each(lake, options, [(target, SECONDS) for target in TARGETS])


def lid_closed(lake: Lake, options: Options) -> None:
    """Driver and services stand still for ten minutes, as on a laptop that sleeps."""
    _pause_each(lake, options, [("everything", LID_CLOSED_SECONDS)])


def _pause_each(lake: Lake, options: Options, pauses: list[tuple[str, float]]) -> None:
    chance = options.chance()
    driver = lake.driver(max_offsets=500)
    for target, seconds in pauses:

        def pause(target: str = target, seconds: float = seconds) -> None:
            stand_still(lake, driver, target, seconds=seconds)

        fault = Fault(target, f"SIGSTOP for {seconds:.0f} s", "while batches are written")
        outlast(lake, driver, fault, pause, share=0.8 / len(pauses), after=chance.uniform(0, 3))
    lake.finish(driver)


def stand_still(lake: Lake, driver: Driver, target: str, *, seconds: float) -> None:
    """SIGSTOP, and SIGCONT after so many seconds."""
    pids = _pids(lake, driver, target)
    _signal(pids, signal.SIGSTOP)
    time.sleep(seconds)
    _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(pid, number)


def _pids(lake: Lake, driver: Driver, target: str) -> list[int]:
    running = {service.name: service.pid for service in lake.instance.services() if service.pid}
    services = {name: tree(running[name]) for name in SERVICES}
    halves = {"driver's JVM": [driver.process.pid], "driver's Python half": [driver.python]}
    whole = tree(driver.process.pid)
    everything = [*whole, *(pid for name in SERVICES for pid in services[name])]
    return (services | halves | {"driver": whole, "everything": everything})[target]
