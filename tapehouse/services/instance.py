"""One set of local services: `make up` makes `.tapehouse/local`, `make demo` makes `.tapehouse/demo`.

Those of another profile have a folder of their own, such as `.tapehouse/cluster`.
"""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from jobs.lake.errors import ServiceError
from tapehouse.paths import DEMO, ROOT, outside
from tapehouse.services import processes
from tapehouse.services.disk import refuse_full_disk
from tapehouse.services.environment import environment_of
from tapehouse.services.places import find_other_ports, find_place
from tapehouse.services.processes import Started
from tapehouse.services.profiles import LAPTOP, PROFILES, folder_of
from tapehouse.services.record import Record
from tapehouse.services.service import Place, Service
from tapehouse.services.starting import start_until_ready

SECRETS = (
    "postgres_password",
    "ledger_password",
    "s3_operator_access_key",
    "s3_operator_secret_key",
    "s3_pipeline_access_key",
    "s3_pipeline_secret_key",
    "spark_secret",
)
JOB_PATIENCE = 60.0


@dataclass(frozen=True)
class ServiceState:
    """A service as `ps` shows it; `state` is running, stopped, or died (started here and gone)."""

    name: str
    state: str
    pid: int | None
    port: int | None
    log: str


class Instance:
    """A folder with the data, ports, secrets and pids of its services. Starting what runs already changes nothing."""

    def __init__(self, folder: Path, profile: str = LAPTOP) -> None:
        self.folder, self._services = folder, PROFILES[profile]
        self._record = Record(folder / "instance.json")

    def start(self, progress: Callable[[str], None] = lambda line: None) -> None:
        """Start what is not running, in order, each ready before the next; a failed start stops what it started."""
        refuse_full_disk(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self._place()
        started = []
        try:
            for service in self._services:
                if service.name in self._running():
                    service.prepare(place)
                    continue
                began = time.monotonic()
                started.append(service)
                start_until_ready(service, place, partial(self._record_process, service.name))
                progress(
                    f"{service.name} on port {place.ports[service.port_names[0]]} ({time.monotonic() - began:.1f} s)"
                )
        except BaseException:
            for service in reversed(started):
                self._stop_one(service)
            raise

    def stop(self, progress: Callable[[str], None] = lambda line: None) -> None:
        """Stop the jobs that work with the services, then the services, the last started first."""
        services = {service.name for service in self._services}
        for name in reversed([name for name in self._started() if name not in services]):
            progress(f"stopping {name}")
            self.stop_job(name)
        for service in reversed(self._services):
            if service.name in self._started():
                progress(f"stopping {service.name}")
            self._stop_one(service)

    def start_job(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        ends_together: bool = False,
    ) -> Started:
        """Start a program beside the services, by default in their environment; it is stopped before them."""
        environment = environment or {**os.environ, **self.environment()}
        if name in self._started():  # it has died: what it left running goes before the next one comes
            processes.kill(self._started()[name])
        process = processes.start(
            arguments,
            log=self._place().log(name),
            folder=ROOT,
            environment=environment,
            ends_together=ends_together,
        )
        self._record_process(name, process)
        return process

    def stop_job(self, name: str) -> None:
        """SIGTERM, and time to finish what it is at. What `make down` has stopped meanwhile is stopped."""
        if name in (started := self._started()):
            processes.stop(started[name], by=signal.SIGTERM, patience=JOB_PATIENCE)
            self._record.update("processes", name, None)

    def kill(self, name: str) -> None:
        """kill -9 of one service: it counts as died until the next start."""
        started = self._started()
        if name not in started:
            raise ServiceError(
                f"{name} is not running", found=", ".join(started) or "nothing", remedy="see `tapehouse ps`"
            )
        processes.kill(started[name])

    def runs(self, name: str) -> bool:
        """Whether a service, or a program that was started beside them, is alive."""
        return name in self._running()

    def reserve(self, ports: Sequence[str] = (), secret_names: Sequence[str] = ()) -> Place:
        """The place, with ports and secrets of these names too."""
        of_services = [name for service in self._services for name in service.port_names]
        return find_place(
            self.folder,
            self._record,
            ports=[*of_services, *ports],
            secret_names=[*SECRETS, *secret_names],
        )

    def remove(self) -> None:
        """Remove the data of a stopped instance."""
        for folder in (self.folder, outside(self.folder)):
            if folder.exists():
                try:
                    shutil.rmtree(folder)
                except OSError as error:
                    raise ServiceError(
                        f"{folder} cannot be removed",
                        found=str(error),
                        remedy="remove it as the user who made it",
                    ) from error

    @property
    def is_up(self) -> bool:
        """It was started and not stopped, even if a service has died since."""
        return bool(self._started())

    def services(self) -> list[ServiceState]:
        """The state of each service, in the order of their start."""
        started, running = self._started(), self._running()
        ports = self._record.read().get("ports", {})
        return [
            ServiceState(
                service.name,
                "running" if service.name in running else "died" if service.name in started else "stopped",
                started[service.name].pid if service.name in running else None,
                ports.get(service.port_names[0]),
                str(self.folder / "logs" / f"{service.name}.log"),
            )
            for service in self._services
        ]

    def programs(self) -> list[ServiceState]:
        """The state of what was started beside the services, in the order of its start."""
        running, services = self._running(), {service.name for service in self._services}
        return [
            ServiceState(
                name,
                "running" if name in running else "died",
                process.pid if name in running else None,
                None,
                str(self.folder / "logs" / f"{name}.log"),
            )
            for name, process in self._started().items()
            if name not in services
        ]

    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to work with this instance."""
        return environment_of(self._place())

    def _stop_one(self, service: Service) -> None:
        process = self._started().get(service.name)
        if process:
            processes.stop(process, by=service.stop_signal, patience=service.patience)
            self._record.update("processes", service.name, None)

    def _record_process(self, name: str, process: Started) -> None:
        self._record.update("processes", name, asdict(process))

    def _started(self) -> dict[str, Started]:
        return {
            name: Started(**process) for name, process in self._record.read().get("processes", {}).items()
        }

    def _running(self) -> dict[str, Started]:
        return {name: process for name, process in self._started().items() if processes.is_alive(process)}

    def _place(self) -> Place:
        return self.reserve()

    def forget_ports(self) -> None:
        """Find other ports at the next start."""
        find_other_ports(self._record)


def find_running() -> Instance | None:
    """The instance of this checkout that is up: the demo's, or the one of `make up`, of whatever profile."""
    of_checkout = [Instance(folder_of(profile), profile) for profile in PROFILES]
    return next((instance for instance in (*of_checkout, Instance(DEMO)) if instance.is_up), None)


@contextlib.contextmanager
def running(
    folder: Path, progress: Callable[[str], None] = lambda line: None, *, profile: str = LAPTOP
) -> Generator[Instance, None, None]:
    """An instance that is up for the length of a block, and stopped after it, whatever happens."""
    instance = Instance(folder, profile)
    try:
        instance.start(progress)
        yield instance
    finally:
        instance.stop()
