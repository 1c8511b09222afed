"""The start of one service: it is ready when it answers as it has to, and not when it listens."""

import time
from collections.abc import Callable
from pathlib import Path

from jobs.lake.errors import ServiceError
from tapehouse.services import processes
from tapehouse.services.ports import is_free
from tapehouse.services.processes import Started
from tapehouse.services.service import Place, Service

READY_WITHIN = 90.0
LAUNCHES = 4
# a process that was killed keeps its port until the last of its threads has ended
FREE_WITHIN = 5.0


def start_until_ready(service: Service, place: Place, launched: Callable[[Started], None]) -> None:
    """Start it, and wait; one that ends by itself is started again, a few times. Each process is told of at once."""
    for name in service.port_names:
        _refuse_busy_port(service, place.ports[name])
    deadline = time.monotonic() + READY_WITHIN
    process = service.start(place)
    launched(process)
    problem: Exception | None = None
    launches = 1
    while time.monotonic() < deadline and launches <= LAUNCHES:
        if not processes.is_alive(process):
            # after kill -9 its lock or children may need a moment
            time.sleep(2)
            process = service.start(place)
            launched(process)
            launches += 1
        try:
            service.check(place)
            service.prepare(place)
            return
        except Exception as error:  # ruff: ignore[blind-except] - whatever its client raises while it starts: kept for the message
            problem = error
            time.sleep(0.2)
    raise ServiceError(
        f"{service.name} did not become ready",
        found=f"{problem!r:.200}; its log ends: {_last_line(place.log(service.name))}",
        remedy=f"read {place.log(service.name)}",
    )


def _refuse_busy_port(service: Service, port: int) -> None:
    deadline = time.monotonic() + FREE_WITHIN
    while not is_free(port):
        if time.monotonic() > deadline:
            raise ServiceError(
                f"port {port} of {service.name} is used by another program",
                found=f"something listens on 127.0.0.1:{port}",
                remedy="stop that program, or forget the ports with `tapehouse down --forget-ports`",
            )
        time.sleep(0.1)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:200] if lines else "(empty)"
