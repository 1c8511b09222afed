"""Kafka in KRaft mode: each process is broker and controller, one of them on a laptop, three in a cluster."""

import base64
import os
import re
import signal
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from jobs.lake.errors import ServiceError
from tapehouse.paths import JARS, LOCAL_CONFIGURATION, ROOT
from tapehouse.services import processes
from tapehouse.services.ports import is_free
from tapehouse.services.service import Place

TOPIC, PARTITIONS = "quotes.v1", 4
TOPIC_CONFIGURATION = {"retention.ms": str(7 * 24 * 3600 * 1000), "max.message.bytes": str(1024 * 1024)}
# of as many brokers as there are, three at most; a message is acknowledged while all but one have it
MOST_REPLICAS = 3
PORT_OF_BROKER = re.compile(r"kafka(_\d+)?")
OF_CLUSTER = ROOT / "conf" / "kafka-cluster.properties"
HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC")


@dataclass(frozen=True)
class Kafka:
    """A broker on loopback, one of several or the only one, with its log in the instance's folder."""

    number: int = 1
    brokers: int = 1
    patience: ClassVar[float] = 20.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    @property
    def name(self) -> str:
        return "kafka" if self.brokers == 1 else f"kafka-{self.number}"

    @property
    def port_names(self) -> tuple[str, ...]:
        port = self.name.replace("-", "_")
        return port, f"{port}_controller"

    def start(self, place: Place) -> processes.Started:
        folder = place.data(self.name)
        configuration = self._configure(place, folder)
        if not (folder / "log" / "meta.properties").exists():
            options = [f"--cluster-id={_cluster_id(place)}", "-c", str(configuration), "--ignore-formatted"]
            command = [
                *java(place),
                "-XX:TieredStopAtLevel=1",
                *CLASSES,
                "kafka.tools.StorageTool",
                "format",
                *options,
            ]
            processes.run(command, folder=folder, environment=environment())
        logging = f"-Dlog4j2.configurationFile={LOCAL_CONFIGURATION / 'kafka' / 'log4j2.properties'}"
        return processes.start(
            [*java(place), *HEAP, logging, *CLASSES, "kafka.Kafka", str(configuration)],
            log=place.log(self.name),
            folder=folder,
            environment=environment(),
        )

    def check(self, place: Place) -> None:
        """A broker of several answers when most of them run: one that starts before the others is not asked."""
        if not self._is_last and any(is_free(place.ports[other.port_names[0]]) for other in self._others()):
            return
        must_answer(f"127.0.0.1:{place.ports[self.port_names[0]]}")

    def prepare(self, place: Place) -> None:
        if self._is_last:
            make_topic(bootstrap(place), topic(), brokers=self.brokers)

    @property
    def _is_last(self) -> bool:
        return self.number == self.brokers

    def _others(self) -> "list[Kafka]":
        return [each for each in all_brokers(self.brokers) if each != self]

    def _configure(self, place: Place, folder: Path) -> Path:
        template = (LOCAL_CONFIGURATION / "kafka" / "server.properties").read_text()
        if self.brokers > 1:
            template += "\n" + OF_CLUSTER.read_text()
        voters = [
            f"{each.number}@127.0.0.1:{place.ports[each.port_names[1]]}" for each in all_brokers(self.brokers)
        ]
        values = {"NUMBER": self.number, "VOTERS": ",".join(voters), "LOG_DIRS": folder / "log"}
        port, controller_port = (place.ports[name] for name in self.port_names)
        values |= {"PORT": port, "CONTROLLER_PORT": controller_port}
        return fill_in(template, values, folder / "server.properties")


CLASSES = ("-cp", f"{JARS / 'kafka'}/*")


def all_brokers(number: int) -> list[Kafka]:
    return [Kafka(each, number) for each in range(1, number + 1)]


def java(place: Place) -> list[str]:
    return [str(place.java_home / "bin" / "java")]


def environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}


def fill_in(template: str, values: Mapping[str, object], file: Path) -> Path:
    """Write a configuration with its ${...} filled in."""
    for name, value in values.items():
        template = template.replace(f"${{{name}}}", str(value))
    file.write_text(template)
    return file


def must_answer(servers: str) -> None:
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=3000, reconnect_backoff_max_ms=200)
    try:
        admin.list_topics()
    finally:
        admin.close()


def topic() -> str:
    return os.environ.get("TAPEHOUSE_TOPIC", TOPIC)


def bootstrap(place: Place) -> str:
    """Every broker of the place."""
    ports = [port for name, port in place.ports.items() if PORT_OF_BROKER.fullmatch(name)]
    return ",".join(f"127.0.0.1:{port}" for port in ports)


def make_topic(servers: str, name: str, *, brokers: int = 1) -> None:
    """Make a topic as the design has it: 4 partitions, 7 days, messages up to 1 MiB; one that is there is kept.

    It has a replica on each broker, three at most; fewer brokers than `brokers` are an error.
    """
    from kafka import KafkaAdminClient
    from kafka.admin import NewTopic

    admin = KafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=20_000)
    try:
        there = len(admin.describe_cluster()["brokers"])
        if there < brokers:
            raise ServiceError(
                f"brokers of {name} are missing",
                found=f"{there} of {brokers} at {servers}",
                remedy="see `tapehouse ps`, and the log of the one that died",
            )
        if name in admin.list_topics():
            return
        replicas = min(there, MOST_REPLICAS)
        admin.create_topics([NewTopic(name, PARTITIONS, replicas, topic_configs=TOPIC_CONFIGURATION)])
        admin.wait_for_topics([name])
    finally:
        admin.close()


def _cluster_id(place: Place) -> str:
    """Any UUID in Kafka's spelling, 22 characters of base64; all brokers of a place have the same."""
    file = place.folder / "kafka-cluster-id"
    if not file.exists():
        file.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
    return file.read_text()
