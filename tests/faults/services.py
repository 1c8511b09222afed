"""The store, the broker or PostgreSQL is away for a while: one driver goes on by itself."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from tapehouse.services.instance import Instance
from tests.faults.driver import Driver
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake
from tests.faults.proxy import Proxy

SERVICES = ("store", "kafka", "postgres")
KILLS = tuple(Fault(name, "kill -9", "while batches are written") for name in SERVICES)
OUTAGES = tuple(Fault("the way to the store", kind, "for a minute") for kind in ("cut", "stall", "503"))
DEAD_SECONDS, LONG_DEAD_SECONDS, AWAY_SECONDS, ENDS_WITHIN = 15.0, 110.0, 60.0, 10.0


def killed(lake: Lake, options: Options) -> None:
    """Each service is killed and started once more, one after the other, under one driver."""
    _kill_each(lake, options, dead_seconds=DEAD_SECONDS)


def killed_for_long(lake: Lake, options: Options) -> None:
    """The same, but each is away for nearly two minutes."""
    _kill_each(lake, options, dead_seconds=LONG_DEAD_SECONDS)


def store_away(lake: Lake, options: Options) -> None:
    """The store's port is cut, answers nothing, or answers 503 for a minute, one after the other, under one driver."""
    _through_proxy(lake, options, OUTAGES)


def store_stalls(lake: Lake, options: Options) -> None:
    """Of these the one that a client notices last."""
    _through_proxy(lake, options, [fault for fault in OUTAGES if fault.kind == "stall"])


def kill_and_start(instance: Instance, name: str, *, dead_seconds: float) -> None:
    """kill -9 of a service, and its usual start after so many seconds."""
    kill_tree(instance, name)
    time.sleep(dead_seconds)
    instance.start()


def kill_tree(instance: Instance, name: str) -> None:
    """kill -9 of a service and of all that it started, PostgreSQL's backends in their own sessions too."""
    (pid,) = [service.pid for service in instance.services() if service.name == name]
    assert pid is not None, f"{name} does not run"
    pids = tree(pid)
    for each in pids:
        with contextlib.suppress(ProcessLookupError):  # it ended with its parent
            os.kill(each, signal.SIGKILL)
    # until then it holds its port
    deadline = time.monotonic() + ENDS_WITHIN
    while any(is_alive(each) for each in pids):
        assert time.monotonic() < deadline, f"{name} lives {ENDS_WITHIN:.0f} s after kill -9"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def tree(pid: int) -> list[int]:
    """The process and its descendants, the first of them first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(folder.name))

    def below(parent: int) -> list[int]:
        return [parent, *(each for child in children.get(parent, []) for each in below(child))]

    return below(pid)


def outlast(
    lake: Lake, driver: Driver, fault: Fault, away: Callable[[], None], *, share: float, after: float
) -> None:
    """Half of the share is sent before the fault, half after it; the same driver writes both."""
    batches = driver.batches
    lake.send(share / 2)
    driver.wait_for(lambda: driver.batches > batches, what="a batch before the fault", seconds=180)
    time.sleep(after)
    lake.meet(fault)
    away()
    lake.send(share / 2)
    lake.wait_caught_up(driver)


def _kill_each(lake: Lake, options: Options, *, dead_seconds: float) -> None:
    chance = options.chance()
    driver = lake.driver(max_offsets=500)
    for fault in KILLS:
        epoch = lake.epoch()

        def away(fault: Fault = fault) -> None:
            kill_and_start(lake.instance, fault.target, dead_seconds=dead_seconds)

        outlast(lake, driver, fault, away, share=0.8 / len(KILLS), after=chance.uniform(0, 3))
        if fault.target == "postgres":
            assert lake.epoch() == epoch, f"the driver went on as {lake.epoch()}, it was {epoch}"
    lake.finish(driver)


def _through_proxy(lake: Lake, options: Options, outages: Sequence[Fault]) -> None:
    chance = options.chance()
    with closing(Proxy(urlsplit(lake.settings.s3_endpoint).port or 80)) as proxy:
        endpoint = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
        driver = lake.driver(max_offsets=500, environment=endpoint)
        for fault in outages:

            def away(fault: Fault = fault) -> None:
                proxy.mode = fault.kind
                time.sleep(AWAY_SECONDS)
                proxy.mode = "pass"

            outlast(lake, driver, fault, away, share=0.8 / len(outages), after=chance.uniform(0, 3))
        lake.finish(driver)
