"""Spark standalone as processes: a master, and workers that start the executors of every program."""

import json
import os
import shutil
import signal
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from jobs.lake.errors import ServiceError
from tapehouse.paths import ROOT, VENV
from tapehouse.services import processes
from tapehouse.services.environment import environment_of, master_of
from tapehouse.services.service import Place

CONFIGURATION = ROOT / "conf"
OF_CLUSTER = CONFIGURATION / "spark-cluster.conf"
EVENTS = "spark-events"
# a core of each for the stream, and one for batch jobs
CORES_OF_WORKER, MEMORY_OF_WORKER = 2, "2g"


class SparkMaster:
    """Takes applications, and gives them the cores of the workers."""

    name = "spark-master"
    port_names = ("spark_master", "spark_master_ui")
    patience = 10.0
    stop_signal = signal.SIGTERM

    def start(self, place: Place) -> processes.Started:
        _write_configuration(place)
        options = ["--port", place.ports["spark_master"], "--webui-port", place.ports["spark_master_ui"]]
        return _start(self.name, "master.Master", options, place)

    def check(self, place: Place) -> None:
        state_of_master(place)

    def prepare(self, place: Place) -> None:
        _write_configuration(place)


@dataclass(frozen=True)
class SparkWorker:
    """Two cores and two gigabytes for executors; jars, Python and the keys of the store are those of this checkout."""

    number: int
    patience: ClassVar[float] = 10.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    @property
    def name(self) -> str:
        return f"spark-worker-{self.number}"

    @property
    def port_names(self) -> tuple[str, ...]:
        return f"spark_worker_{self.number}", f"spark_worker_{self.number}_ui"

    def start(self, place: Place) -> processes.Started:
        port, page = (place.ports[name] for name in self.port_names)
        options = ["--port", port, "--webui-port", page, "--work-dir", place.data(self.name)]
        options += ["--cores", CORES_OF_WORKER, "--memory", MEMORY_OF_WORKER, master_of(place)]
        return _start(self.name, "worker.Worker", options, place)

    def check(self, place: Place) -> None:
        mine = [
            worker["state"]
            for worker in state_of_master(place)["workers"]
            if worker["port"] == place.ports[self.port_names[0]]
        ]
        if "ALIVE" not in mine:
            raise ServiceError(
                f"the master does not know {self.name}",
                found=", ".join(mine) or "not registered",
                remedy=f"read {place.log(self.name)}",
            )

    def prepare(self, place: Place) -> None:
        del place  # an application brings what it needs


class SparkHistory:
    """Shows what is left of runs that have ended."""

    name = "spark-history"
    port_names = ("spark_history",)
    patience = 10.0
    stop_signal = signal.SIGTERM

    def start(self, place: Place) -> processes.Started:
        settings = {
            "ui.port": place.ports["spark_history"],
            "fs.logDirectory": place.data(EVENTS).as_uri(),
            "fs.cleaner.enabled": "true",
        }
        told = " ".join(f"-Dspark.history.{name}={value}" for name, value in settings.items())
        command = [str(VENV / "bin" / "spark-class"), "org.apache.spark.deploy.history.HistoryServer"]
        return processes.start(
            command,
            log=place.log(self.name),
            folder=place.folder,
            environment=_environment(place) | {"SPARK_HISTORY_OPTS": told},
            ends_together=True,
        )

    def check(self, place: Place) -> None:
        _ask(place.ports["spark_history"], "api/v1/applications")

    def prepare(self, place: Place) -> None:
        del place  # it reads what there is


def state_of_master(place: Place) -> dict[str, Any]:
    """What the master's page says of its workers and applications."""
    return dict(_ask(place.ports["spark_master_ui"], "json/"))


def _ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
        return json.load(answer)


def _start(name: str, program: str, options: Sequence[object], place: Place) -> processes.Started:
    command = [VENV / "bin" / "spark-class", f"org.apache.spark.deploy.{program}", "--host", "127.0.0.1"]
    return processes.start(
        [str(word) for word in (*command, *options)],
        log=place.log(name),
        folder=place.folder,
        environment=_environment(place),
        ends_together=True,
    )


def _environment(place: Place) -> dict[str, str]:
    return {**os.environ, **environment_of(place), "SPARK_LOCAL_IP": "127.0.0.1"}


def _write_configuration(place: Place) -> None:
    """The folder that SPARK_CONF_DIR names: the settings of one machine, then those of a cluster, which hold."""
    folder = place.data(CONFIGURATION.name)
    for name in ("fairscheduler.xml", "log4j2.properties", "metrics.properties"):
        shutil.copyfile(CONFIGURATION / name, folder / name)
    of_cluster = OF_CLUSTER.read_text().replace("spark://spark-master:7077", master_of(place))
    of_cluster = of_cluster.replace("file:/var/log/spark-events", place.data(EVENTS).as_uri())
    # whoever does not know it starts nothing on the workers
    secret = f"spark.authenticate true\nspark.authenticate.secret {place.secrets['spark_secret']}"
    file = folder / "spark-defaults.conf"
    file.touch(mode=0o600)
    file.write_text("\n".join([(CONFIGURATION / file.name).read_text(), of_cluster, secret, ""]))
