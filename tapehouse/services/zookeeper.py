"""Kafka 3.9 with a ZooKeeper beside it, for a platform that still has one: the same producers and jobs."""

import signal
import socket

from jobs.lake.errors import ServiceError
from tapehouse.paths import JARS, LOCAL_CONFIGURATION
from tapehouse.services import processes
from tapehouse.services.kafka import (
    HEAP,
    bootstrap,
    environment,
    fill_in,
    java,
    make_topic,
    must_answer,
    topic,
)
from tapehouse.services.service import Place

OLD_JARS = JARS / "kafka39"
CLASSES = ("-cp", f"{OLD_JARS}/*")
TEMPLATES = LOCAL_CONFIGURATION / "zookeeper"
IS_OK, OK = b"ruok", b"imok"


class ZooKeeper:
    """A standalone server on loopback."""

    name = "zookeeper"
    port_names = ("zookeeper",)
    patience = 10.0
    stop_signal = signal.SIGTERM

    def start(self, place: Place) -> processes.Started:
        if not OLD_JARS.is_dir():
            raise ServiceError(
                "Kafka 3.9 and ZooKeeper are not there",
                found=f"no {OLD_JARS}",
                remedy="bring them: python3 -m tapehouse.setup --zookeeper",
            )
        folder = place.data(self.name)
        values = {"PORT": place.ports["zookeeper"], "DATA": folder / "data"}
        configuration = fill_in((TEMPLATES / "zoo.properties").read_text(), values, folder / "zoo.properties")
        server = "org.apache.zookeeper.server.ZooKeeperServerMain"
        return processes.start(
            [*java(place), "-Xmx256m", *CLASSES, server, str(configuration)],
            log=place.log(self.name),
            folder=folder,
            environment=environment(),
        )

    def check(self, place: Place) -> None:
        with socket.create_connection(("127.0.0.1", place.ports["zookeeper"]), timeout=3) as asked:
            asked.sendall(IS_OK)
            answer = asked.recv(16)
        if answer != OK:
            raise ServiceError(
                "ZooKeeper is not well", found=repr(answer), remedy=f"read {place.log(self.name)}"
            )

    def prepare(self, place: Place) -> None:
        del place  # the broker makes what it needs


class OldKafka:
    """A broker that keeps its metadata in ZooKeeper."""

    name = "kafka"
    port_names = ("kafka",)
    patience = 20.0
    stop_signal = signal.SIGTERM

    def start(self, place: Place) -> processes.Started:
        folder = place.data(self.name)
        values = {
            "PORT": place.ports["kafka"],
            "ZOOKEEPER_PORT": place.ports["zookeeper"],
            "LOG_DIRS": folder / "log",
        }
        configuration = fill_in(
            (TEMPLATES / "server.properties").read_text(), values, folder / "server.properties"
        )
        return processes.start(
            [*java(place), *HEAP, *CLASSES, "kafka.Kafka", str(configuration)],
            log=place.log(self.name),
            folder=folder,
            environment=environment(),
        )

    def check(self, place: Place) -> None:
        must_answer(bootstrap(place))

    def prepare(self, place: Place) -> None:
        make_topic(bootstrap(place), topic())
