"""Airflow beside an instance's services: four processes on loopback, its database in the same PostgreSQL server."""

import json
import os
import shlex
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jobs.lake.errors import ServiceError, SettingsError
from jobs.lake.settings import Settings
from tapehouse.paths import AIRFLOW_ENV, ROOT
from tapehouse.services import processes
from tapehouse.services.airflow_files import (
    CONNECTIONS,
    MASTER,
    PASSWORDS,
    POOLS,
    SPARK,
    USER,
    environment,
    write_files,
)
from tapehouse.services.instance import Instance
from tapehouse.services.postgres import make_database

PORT = "airflow"
DATABASE = OWNER = "airflow"
SECRETS = (
    "airflow_database_password",
    "airflow_fernet_secret",
    "airflow_jwt_secret",
    "airflow_api_secret",
    "airflow_user_password",
)
# by the names that Airflow gives them; their servers of logs would listen on all addresses
COMPONENTS: dict[str, tuple[str, ...]] = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
HEALTHY = ("metadatabase", "scheduler", "dag_processor", "triggerer")
HEALTHY_WITHIN, LAUNCHES = 300.0, 3
# of the names of its processes among those of the instance
PREFIX = "airflow-"


class Running(NamedTuple):
    """Where Airflow answers, and the file that holds its user's password, which only its owner reads."""

    url: str
    user: str
    password_file: str


class Airflow:
    """Started after the services of its instance, and stopped before them, by `Instance.stop`."""

    def __init__(
        self, instance: Instance, settings: Settings, *, more: Mapping[str, str] | None = None
    ) -> None:
        """`more` is put into the environment of its processes, such as AIRFLOW__SECTION__OPTION."""
        if not (AIRFLOW_ENV / "bin" / "airflow").exists():
            raise SettingsError(
                "Airflow is not installed", found=f"no {AIRFLOW_ENV}", remedy="run `make airflow`"
            )
        self._instance, self._settings, self._more = instance, settings, more or {}
        self._place = instance.reserve([PORT], SECRETS)
        self.home = self._place.data("airflow")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._place.ports[PORT]}"

    @property
    def environment(self) -> dict[str, str]:
        """Of Airflow's processes and so of the tasks: no secret in it, those come from connections."""
        return environment(self.home, self._settings, self._instance.environment()) | dict(self._more)

    def start(self, progress: Callable[[str], None] = lambda line: None) -> Running:
        """Start what is not running of it, with its database, connections and pools as they have to be."""
        self._prepare(progress)
        began = time.monotonic()
        self._wait_until_healthy()
        progress(f"airflow on port {self._place.ports[PORT]} ({time.monotonic() - began:.1f} s)")
        return Running(self.url, USER, str(self.home / PASSWORDS))

    def stop(self) -> None:
        """Stop Airflow alone; the services stay up."""
        for name in reversed(COMPONENTS):
            if self._instance.runs(_job(name)):
                self._instance.stop_job(_job(name))

    def call(self, *arguments: str) -> str:
        """Run Airflow's own command line to its end; its output."""
        return processes.run(
            [str(AIRFLOW_ENV / "bin" / "airflow"), *arguments], folder=self.home, environment=self.environment
        )

    def health(self) -> dict[str, Any]:
        """What its API server says of the others; empty while it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/v2/monitor/health", timeout=5) as answer:  # ruff: ignore[suspicious-url-open-usage] - our own loopback address
                return dict(json.load(answer))
        except (OSError, ValueError):
            return {}

    def _prepare(self, progress: Callable[[str], None]) -> None:
        """Database, configuration, connections, pools: as they are to be, whatever was there."""
        began = time.monotonic()
        make_database(self._place, DATABASE, OWNER, self._place.secrets["airflow_database_password"])
        write_files(self.home, self._place, self._settings, url=self.url)
        try:
            self._call_all(
                "db migrate",
                f"connections import {shlex.quote(str(self.home / CONNECTIONS))} --overwrite",
                f"connections import {shlex.quote(str(self.home / SPARK))}"
                + (" --overwrite" if os.environ.get(MASTER) else ""),
                f"pools import {shlex.quote(str(self.home / POOLS))}",
            )
        finally:
            (self.home / CONNECTIONS).unlink(missing_ok=True)
        progress(f"airflow's database, connections and pools ({time.monotonic() - began:.1f} s)")

    def _call_all(self, *commands: str) -> None:
        """Several in one process: importing Airflow takes longer than they do."""
        python, program = str(AIRFLOW_ENV / "bin" / "python"), str(ROOT / "airflow" / "commands.py")
        processes.run([python, program, *commands], folder=self.home, environment=self.environment)

    def _wait_until_healthy(self) -> None:
        """Start what does not run, and what ends meanwhile: a database that was away ends one after the other."""
        deadline, launches = time.monotonic() + HEALTHY_WITHIN, Counter[str]()
        # one that has just died still counts as healthy for a while
        while (missing := self._missing()) or not self._is_healthy(self.health()):
            given_up = [name for name in missing if launches[name] == LAUNCHES]
            if given_up or time.monotonic() > deadline:
                what = f"{given_up[0]} has ended" if given_up else f"not healthy in {HEALTHY_WITHIN:.0f} s"
                log = self._place.log(_job(given_up[0] if given_up else "scheduler"))
                raise ServiceError(
                    f"airflow did not start: {what}", found=f"{self.health()}", remedy=f"read {log}"
                )
            for name in missing:
                launches[name] += 1
                self._launch(name)
            time.sleep(0.5)

    def _missing(self) -> list[str]:
        return [name for name in COMPONENTS if not self._instance.runs(_job(name))]

    def _launch(self, name: str) -> None:
        arguments = [str(AIRFLOW_ENV / "bin" / "airflow"), name, *COMPONENTS[name]]
        self._instance.start_job(_job(name), arguments, environment=self.environment, ends_together=True)

    @staticmethod
    def _is_healthy(health: dict[str, Any]) -> bool:
        return all(health.get(name, {}).get("status") == "healthy" for name in HEALTHY)


def _job(component: str) -> str:
    return f"{PREFIX}{component}"
