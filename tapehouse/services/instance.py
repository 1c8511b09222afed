"""One set of local services: `make up` makes `.tapehouse/local`, `make demo` makes `.tapehouse/demo`."""

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.lake.errors import ServiceError
from tapehouse.paths import DEMO, JARS, LOCAL, ROOT, SETUP_RECORD, VENV, outside
from tapehouse.services import processes
from tapehouse.services.kafka import TOPIC, Kafka, bootstrap
from tapehouse.services.ports import find_ports, is_free
from tapehouse.services.postgres import DATABASE, OWNER, Postgres
from tapehouse.services.processes import Started
from tapehouse.services.service import Place, Service
from tapehouse.services.store import Store, endpoint

# in the order in which they start
SERVICES: tuple[Service, ...] = (Postgres(), Store(), Kafka())
SECRETS = (
    "postgres_password",
    "ledger_password",
    "s3_operator_access_key",
    "s3_operator_secret_key",
    "s3_pipeline_access_key",
    "s3_pipeline_secret_key",
)
READY_WITHIN = 90.0
LEAST_DISK = 1024**3


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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = folder / "instance.json"

    def start(self, progress: Callable[[str], None] = lambda line: None) -> None:
        """Start what is not running, in order, each ready before the next; a failed start stops what it started."""
        self._refuse_full_disk()
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self._place()
        started = []
        try:
            for service in SERVICES:
                if service.name in self._running():
                    service.prepare(place)
                    continue
                began = time.monotonic()
                started.append(service)
                self._start_one(service, place)
                progress(
                    f"{service.name} on port {place.ports[service.port_names[0]]} ({time.monotonic() - began:.1f} s)"
                )
        except BaseException:
            for service in reversed(started):
                self._stop_one(service)
            raise

    def stop(self, progress: Callable[[str], None] = lambda line: None) -> None:
        """Stop all services, the last started first."""
        for service in reversed(SERVICES):
            if service.name in self._started():
                progress(f"stopping {service.name}")
            self._stop_one(service)

    def kill(self, name: str) -> None:
        """kill -9 of one service: it counts as died until the next start."""
        started = self._started()
        if name not in started:
            raise ServiceError(
                f"{name} is not running", found=", ".join(started) or "nothing", remedy="see `tapehouse ps`"
            )
        processes.kill(started[name])

    def remove(self) -> None:
        """Remove the data of a stopped instance."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(outside(self.folder), ignore_errors=True)

    @property
    def is_up(self) -> bool:
        """It was started and not stopped, even if a service has died since."""
        return bool(self._started())

    def services(self) -> list[ServiceState]:
        """The state of each service, in the order of their start."""
        started, running = self._started(), self._running()
        ports = self._read().get("ports", {})
        return [
            ServiceState(
                service.name,
                "running" if service.name in running else "died" if service.name in started else "stopped",
                started[service.name].pid if service.name in running else None,
                ports.get(service.port_names[0]),
                str(self.folder / "logs" / f"{service.name}.log"),
            )
            for service in SERVICES
        ]

    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to work with this instance."""
        place = self._place()
        python = str(VENV / "bin" / "python")
        return {
            "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "JAVA_HOME": str(place.java_home),
            "SPARK_CONF_DIR": str(ROOT / "conf"),
            "SPARK_DIST_CLASSPATH": f"{JARS / 'spark'}/*",
            "PYTHONPATH": str(ROOT),
            "PYTHONSAFEPATH": "1",
            "PYSPARK_PYTHON": python,
            "PYSPARK_DRIVER_PYTHON": python,
            "TAPEHOUSE_KAFKA_BOOTSTRAP": bootstrap(place),
            "TAPEHOUSE_TOPIC": os.environ.get("TAPEHOUSE_TOPIC", TOPIC),
            "TAPEHOUSE_CHECKPOINTS": str(self.folder / "checkpoints"),
            "AWS_ENDPOINT_URL": endpoint(place),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": place.secrets["s3_pipeline_access_key"],
            "AWS_SECRET_ACCESS_KEY": place.secrets["s3_pipeline_secret_key"],
            "PGHOST": "127.0.0.1",
            "PGPORT": str(place.ports["postgres"]),
            "PGDATABASE": DATABASE,
            "PGUSER": OWNER,
            "PGPASSWORD": place.secrets["ledger_password"],
        }

    def _start_one(self, service: Service, place: Place) -> None:
        for port_name in service.port_names:
            self._refuse_busy_port(service, place.ports[port_name])
        deadline = time.monotonic() + READY_WITHIN
        process = self._launch(service, place)
        problem: Exception | None = None
        while time.monotonic() < deadline:
            if not processes.is_alive(process):
                # after kill -9 its lock or children may need a moment: once more, within the same limit
                time.sleep(2)
                process = self._launch(service, place)
            try:
                service.check(place)
                service.prepare(place)
                return
            except Exception as error:  # ruff: ignore[blind-except] - whatever its client raises while it starts: kept for the message
                problem = error
                time.sleep(0.2)
        raise ServiceError(
            f"{service.name} was not ready within {READY_WITHIN:.0f} s",
            found=f"{problem!r:.200}; its log ends: {_last_line(place.log(service.name))}",
            remedy=f"read {place.log(service.name)}",
        )

    def _launch(self, service: Service, place: Place) -> Started:
        process = service.start(place)
        self._update("processes", service.name, asdict(process))
        return process

    def _stop_one(self, service: Service) -> None:
        process = self._started().get(service.name)
        if process:
            processes.stop(process, by=service.stop_signal, patience=service.patience)
            self._update("processes", service.name, None)

    def _started(self) -> dict[str, Started]:
        return {name: Started(**process) for name, process in self._read().get("processes", {}).items()}

    def _running(self) -> dict[str, Started]:
        return {name: process for name, process in self._started().items() if processes.is_alive(process)}

    def _place(self) -> Place:
        record = self._read()
        if "ports" not in record:
            self.folder.mkdir(parents=True, exist_ok=True)
            names = [name for service in SERVICES for name in service.port_names]
            record = {
                "ports": find_ports(names),
                "secrets": {name: secrets.token_hex(20) for name in SECRETS},
            }
            self._write(record | {"processes": {}})
        programs = _programs()
        return Place(
            self.folder,
            record["ports"],
            record["secrets"],
            Path(programs["java_home"]),
            Path(programs["postgres_bin"]),
        )

    def _refuse_busy_port(self, service: Service, port: int) -> None:
        if not is_free(port):
            raise ServiceError(
                f"port {port} of {service.name} is used by another program",
                found=f"something listens on 127.0.0.1:{port}",
                remedy="stop that program, or forget the ports with `tapehouse down --forget-ports`",
            )

    def forget_ports(self) -> None:
        """Find other ports at the next start."""
        names = [name for service in SERVICES for name in service.port_names]
        self._write(self._read() | {"ports": find_ports(names)})

    def _refuse_full_disk(self) -> None:
        existing = next(part for part in (self.folder, *self.folder.parents) if part.exists())
        free = shutil.disk_usage(existing).free
        if free < LEAST_DISK:
            raise ServiceError(
                f"the disk under {existing} is nearly full",
                found=f"{free / 1024**2:.0f} MiB free, {LEAST_DISK / 1024**2:.0f} MiB are needed",
                remedy="make room, for example with `make clean`",
            )

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self._record.read_text())) if self._record.exists() else {}

    def _write(self, record: dict[str, Any]) -> None:
        """Replace the record as a whole; it holds secrets, so only its owner reads it."""
        new = self._record.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(json.dumps(record, indent=1))
        new.replace(self._record)

    def _update(self, section: str, name: str, value: Any) -> None:
        record = self._read()
        entries = {**record.get(section, {}), name: value}
        self._write(record | {section: {key: entry for key, entry in entries.items() if entry is not None}})


def find_running() -> Instance | None:
    """The instance of this checkout that is up: the demo's or the one of `make up`."""
    return next((instance for instance in (Instance(LOCAL), Instance(DEMO)) if instance.is_up), None)


@contextlib.contextmanager
def running(
    folder: Path, progress: Callable[[str], None] = lambda line: None
) -> Generator[Instance, None, None]:
    """An instance that is up for the length of a block, and stopped after it, whatever happens."""
    instance = Instance(folder)
    try:
        instance.start(progress)
        yield instance
    finally:
        instance.stop()


def _programs() -> dict[str, str]:
    if not SETUP_RECORD.exists():
        raise ServiceError(
            "this checkout is not set up", found=f"no {SETUP_RECORD}", remedy="run `make setup`"
        )
    return dict(json.loads(SETUP_RECORD.read_text()))


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:200] if lines else "(empty)"
