"""Services of other profiles than a laptop's: three brokers and a Spark master, or Kafka with a ZooKeeper."""

import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from jobs.lake.kafka import TopicEnds, describe_topic
from jobs.lake.kafka_address import KafkaAddress
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tapehouse.paths import ROOT, VENV
from tapehouse.services.instance import Instance, running
from tapehouse.services.kafka import TOPIC
from tapehouse.services.profiles import CLUSTER, ZOOKEEPER
from tapehouse.services.spark import state_of_master
from tapehouse.services.zookeeper import OLD_JARS
from tests.builders import quote
from tests.faults.airflow_eyes import others_can_not_come_in

pytestmark = pytest.mark.longest


def send_one(instance: Instance) -> int:
    """Send a message; how many are in the topic."""
    kafka = KafkaAddress(instance.environment()["TAPEHOUSE_KAFKA_BOOTSTRAP"])
    with KafkaSink(kafka=kafka, topic=TOPIC, refused_file=instance.folder / "refused.jsonl") as sink:
        sink.send(Message("yahoo_recording", b"", quote("14:30:01 AAPL 10 1")))
    assert (sink.acknowledged, sink.refused) == (1, 0)
    with closing(TopicEnds(kafka, describe_topic(kafka, TOPIC))) as ends:
        return sum(ends.ask().values())


def must_be_closed(instance: Instance) -> None:
    others_can_not_come_in([service.pid for service in instance.services() if service.pid])


def replicas(instance: Instance) -> set[tuple[int, int]]:
    """Of each partition: how many replicas it has, and how many are in step."""
    servers = instance.environment()["TAPEHOUSE_KAFKA_BOOTSTRAP"]
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        (topic,) = admin.describe_topics([TOPIC])
    return {(len(each["replica_nodes"]), len(each["isr_nodes"])) for each in topic["partitions"]}


def test_a_cluster_takes_messages_without_one_broker_and_runs_spark_on_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEHOUSE_TOPIC", TOPIC)
    with running(tmp_path / "cluster", profile=CLUSTER) as instance:
        assert replicas(instance) == {(3, 3)}
        assert send_one(instance) == 1
        must_be_closed(instance)
        instance.kill("kafka-2")
        assert send_one(instance) == 2
        instance.start()
        assert [service.state for service in instance.services() if service.state != "running"] == []
        submitted = subprocess.run(
            [VENV / "bin" / "spark-submit", ROOT / "jobs" / "stream_quotes.py", "--trigger", "available-now"],
            env={**os.environ, **instance.environment()},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert submitted.returncode == 0, submitted.stderr[-2000:]
        (application,) = state_of_master(instance.reserve())["completedapps"]
        assert (application["name"], application["state"]) == ("stream_quotes", "FINISHED")
        assert list((instance.folder / "spark-events").iterdir())
    instance.remove()


def test_the_same_producer_speaks_to_a_kafka_with_a_zookeeper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not OLD_JARS.is_dir():
        pytest.skip("Kafka 3.9 is not there; python3 -m tapehouse.setup --zookeeper brings it")
    monkeypatch.setenv("TAPEHOUSE_TOPIC", TOPIC)
    with running(tmp_path / "zookeeper", profile=ZOOKEEPER) as instance:
        assert send_one(instance) == 1
        must_be_closed(instance)
        instance.kill("kafka")
        instance.start()
        assert send_one(instance) == 2
    instance.remove()
