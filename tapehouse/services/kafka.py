"""Kafka in KRaft mode: one process that is broker and controller."""

import base64
import os
import signal
import uuid
from pathlib import Path

from tapehouse.paths import JARS, LOCAL_CONFIGURATION
from tapehouse.services import processes
from tapehouse.services.service import Place

TOPIC, PARTITIONS = "quotes.v1", 4
TOPIC_CONFIGURATION = {"retention.ms": str(7 * 24 * 3600 * 1000), "max.message.bytes": str(1024 * 1024)}


class Kafka:
    """The broker on loopback, with its log in the instance's folder."""

    name = "kafka"
    port_names = ("kafka", "kafka_controller")
    patience = 20.0
    stop_signal = signal.SIGTERM

    def start(self, place: Place) -> processes.Started:
        folder = place.data("kafka")
        configuration = self._configure(place, folder)
        java = str(place.java_home / "bin" / "java")
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}
        classes = ["-cp", f"{JARS / 'kafka'}/*"]
        if not (folder / "log" / "meta.properties").exists():
            # the id is any UUID in Kafka's spelling, 22 characters of base64
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            options = [f"--cluster-id={cluster}", "-c", str(configuration), "--ignore-formatted"]
            format_log = [
                java,
                "-XX:TieredStopAtLevel=1",
                *classes,
                "kafka.tools.StorageTool",
                "format",
                *options,
            ]
            processes.run(format_log, folder=folder, environment=environment)
        logging = f"-Dlog4j2.configurationFile={LOCAL_CONFIGURATION / 'kafka' / 'log4j2.properties'}"
        heap = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"]
        return processes.start(
            [java, *heap, logging, *classes, "kafka.Kafka", str(configuration)],
            log=place.log(self.name),
            folder=folder,
            environment=environment,
        )

    def check(self, place: Place) -> None:
        from kafka import KafkaAdminClient

        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap(place), request_timeout_ms=3000, reconnect_backoff_max_ms=200
        )
        try:
            admin.list_topics()
        finally:
            admin.close()

    def prepare(self, place: Place) -> None:
        make_topic(bootstrap(place), os.environ.get("TAPEHOUSE_TOPIC", TOPIC))

    @staticmethod
    def _configure(place: Place, folder: Path) -> Path:
        template = (LOCAL_CONFIGURATION / "kafka" / "server.properties").read_text()
        ports = {"PORT": place.ports["kafka"], "CONTROLLER_PORT": place.ports["kafka_controller"]}
        for name, value in {**ports, "LOG_DIRS": folder / "log"}.items():
            template = template.replace(f"${{{name}}}", str(value))
        configuration = folder / "server.properties"
        configuration.write_text(template)
        return configuration


def bootstrap(place: Place) -> str:
    return f"127.0.0.1:{place.ports['kafka']}"


def make_topic(servers: str, name: str) -> None:
    """Make a topic as the design has it: 4 partitions, 7 days, messages up to 1 MiB; one that is there is kept."""
    from kafka import KafkaAdminClient
    from kafka.admin import NewTopic

    admin = KafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=20_000)
    try:
        if name not in admin.list_topics():
            admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=TOPIC_CONFIGURATION)])
            admin.wait_for_topics([name])
    finally:
        admin.close()
