"""On a real broker that asks who one is: each user may do what docs/kafka.md says and nothing else."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.lake.errors import ServiceError, TopicError
from jobs.lake.kafka import TopicEnds, describe_topic
from jobs.lake.kafka_address import KafkaAddress
from jobs.lake.read import kafka_stream
from jobs.lake.settings import Settings
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tapehouse.paths import ROOT
from tapehouse.services.instance import Instance
from tests.builders import quote
from tests.faults.airflow_eyes import others_can_not_come_in
from tests.secret_search import SAID, in_files, look_at_command_lines
from tests.secured_kafka import TOPIC, SecuredKafka, new_password
from tests.stack import Stack

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long

GOOD = Message("yahoo_recording", b"a frame", quote("14:30:01 AAPL 10 1"))
START = ROOT / "docker" / "kafka" / "start.sh"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """With users, topic and rules, and one message of `producer`."""
    broker = SecuredKafka(tmp_path_factory.mktemp("secured-kafka"))
    try:
        broker.wait_until_ready()
        broker.provision()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def send(kafka: SecuredKafka, tmp_path: Path) -> Callable[[str], KafkaSink]:
    """Send one message as a user."""

    def as_user(user: str) -> KafkaSink:
        refused = tmp_path / "refused.jsonl"
        with KafkaSink(kafka=kafka.user(user), topic=TOPIC, refused_file=refused) as sink:
            sink.send(GOOD)
        return sink

    return as_user


def read(address: KafkaAddress) -> list[Any]:
    """What the topic holds, within ten seconds."""
    from kafka import KafkaConsumer, TopicPartition

    with closing(KafkaConsumer(**address.client_options(), auto_offset_reset="earliest")) as consumer:
        consumer.assign([TopicPartition(TOPIC, partition) for partition in range(4)])
        return [record for records in consumer.poll(timeout_ms=10_000).values() for record in records]


def ends(address: KafkaAddress) -> int:
    with closing(TopicEnds(address, describe_topic(address, TOPIC))) as asked:
        return sum(asked.ask().values())


def login_of(kafka: SecuredKafka, user: str) -> dict[str, str]:
    return {
        "TAPEHOUSE_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "TAPEHOUSE_KAFKA_USER": user,
        "TAPEHOUSE_KAFKA_PASSWORD": kafka.passwords[user],
        "TAPEHOUSE_TOPIC": TOPIC,
    }


def test_a_repeated_provision_changes_nothing(kafka: SecuredKafka) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import ConfigResource

    before = describe_topic(kafka.user("monitor"), TOPIC)
    assert kafka.provision() == []
    assert describe_topic(kafka.user("monitor"), TOPIC) == before
    assert before.partitions == (0, 1, 2, 3)
    with closing(KafkaAdminClient(**kafka.user("monitor").client_options())) as admin:
        (told,) = admin.describe_configs([ConfigResource("TOPIC", TOPIC)])["topic"].values()
    assert told["retention.ms"]["value"] == "604800000"
    assert told["max.message.bytes"]["value"] == "1048576"


def test_the_producer_writes_and_does_not_read(kafka: SecuredKafka, send: Callable[[str], KafkaSink]) -> None:
    from kafka.errors import TopicAuthorizationFailedError

    before = ends(kafka.user("monitor"))
    sink = send("producer")
    assert (sink.acknowledged, sink.refused) == (1, 0)
    assert ends(kafka.user("monitor")) == before + 1
    with pytest.raises(TopicAuthorizationFailedError):
        read(kafka.user("producer"))


def test_the_stream_reads_and_does_not_write(kafka: SecuredKafka, send: Callable[[str], KafkaSink]) -> None:
    send("producer")
    assert {record.key for record in read(kafka.user("stream"))} == {b"AAPL"}
    sink = send("stream")
    assert (sink.acknowledged, sink.refused) == (0, 1)
    assert "AuthorizationFailed" in sink.refused_file.read_text()


def test_the_monitor_does_neither(kafka: SecuredKafka, send: Callable[[str], KafkaSink]) -> None:
    from kafka.errors import TopicAuthorizationFailedError

    assert ends(kafka.user("monitor")) >= 0
    with pytest.raises(TopicAuthorizationFailedError):
        read(kafka.user("monitor"))
    assert send("monitor").refused == 1


def test_nobody_else_makes_topics_users_or_rules(kafka: SecuredKafka) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import UserScramCredentialUpsertion
    from kafka.errors import AuthorizationError

    for user in kafka.passwords:
        with closing(KafkaAdminClient(**kafka.user(user).client_options())) as client:
            with pytest.raises(AuthorizationError):
                client.create_topics({"another": {}})
            with pytest.raises(AuthorizationError):
                client.delete_topics([TOPIC])
            mine = UserScramCredentialUpsertion("admin", "SCRAM-SHA-512", "mine")
            assert client.alter_user_scram_credentials([mine])["admin"]


def test_a_wrong_password_and_a_client_without_a_user_are_refused_by_name(kafka: SecuredKafka) -> None:
    with pytest.raises(
        ServiceError, match=rf"{kafka.bootstrap} ends each connection of the user stream"
    ) as no:
        describe_topic(kafka.user("stream", "wrong"), TOPIC)
    assert "TAPEHOUSE_KAFKA_PASSWORD" in no.value.remedy
    with pytest.raises(ServiceError, match="ends each connection of a client without a user"):
        describe_topic(KafkaAddress(kafka.bootstrap), TOPIC)


def test_a_topic_that_the_user_may_not_see_is_named(kafka: SecuredKafka) -> None:
    with pytest.raises(TopicError, match="the user stream may not look at the topic other"):
        describe_topic(kafka.user("stream"), "other")


def test_a_user_gets_another_password(kafka: SecuredKafka) -> None:
    old = kafka.user("monitor")
    kafka.passwords["monitor"] = new_password()
    assert kafka.provision() == ["user monitor: another password"]
    assert describe_topic(kafka.user("monitor"), TOPIC).name == TOPIC
    with pytest.raises(ServiceError, match="ends each connection of the user monitor"):
        describe_topic(old, TOPIC)


def test_spark_reads_as_the_stream_and_shows_no_password(
    kafka: SecuredKafka,
    services: Instance,
    spark: "SparkSession",
    send: Callable[[str], KafkaSink],
    tmp_path: Path,
) -> None:
    send("producer")
    stream = kafka.user("stream")
    number = ends(stream)
    batch = spark.read.format("kafka").options(**stream.spark_options(), subscribe=TOPIC).load()
    assert batch.count() == number
    settings = Settings(**services.environment() | login_of(kafka, "stream"))
    messages = kafka_stream(spark, settings, starting_offsets="earliest", max_offsets=100)
    write = messages.writeStream.format("noop").option("checkpointLocation", str(tmp_path / "checkpoint"))
    query = write.trigger(availableNow=True).start()
    assert query.awaitTermination(120)
    assert sum(progress["numInputRows"] for progress in query.recentProgress) == number
    shown = [frame._jdf.queryExecution().toString() for frame in (batch, messages)]
    executions = spark._jsparkSession.sharedState().statusStore().executionsList()
    shown += [executions.apply(n).physicalPlanDescription() for n in range(executions.size())]
    assert any("KafkaRelation" in text for text in shown[2:])
    assert not any(kafka.passwords["stream"] in text for text in (*shown, str(query.recentProgress)))
    assert list(in_files(tmp_path)) == []
    look_at_command_lines()
    assert SAID == []


def test_the_stream_job_needs_no_more_than_its_user_may(
    kafka: SecuredKafka, stack: Stack, send: Callable[[str], KafkaSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    send("producer")
    for name, value in login_of(kafka, "stream").items():
        monkeypatch.setenv(name, value)
    stack.drain()
    assert stack.one("SELECT count(*) FROM bronze.quotes") == str(ends(kafka.user("monitor")))


def test_it_listens_on_loopback_alone_and_keeps_its_passwords_to_itself(kafka: SecuredKafka) -> None:
    others_can_not_come_in([kafka.program.process.pid])
    assert not list((kafka.folder / "data").glob("users.*"))
    assert (kafka.folder / "data").stat().st_mode & 0o077 == 0


def test_the_monitor_sees_how_a_broker_is_set_and_no_password(kafka: SecuredKafka) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import ConfigResource

    with closing(KafkaAdminClient(**kafka.user("monitor").client_options())) as admin:
        told = admin.describe_configs([ConfigResource("BROKER", "1")], config_filter="all")["broker"]["1"]
    assert told["auto.create.topics.enable"]["value"] == "false"
    assert not any(password in str(told) for password in kafka.own.values())


WHOLE = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_DATA": "/nowhere/data",
    "KAFKA_LISTEN": "127.0.0.1",
    "KAFKA_PORT": "1",
    "KAFKA_CONTROLLER_PORT": "2",
    "KAFKA_ADVERTISED": "127.0.0.1:1",
    "KAFKA_VOTERS": "1@127.0.0.1:2",
    "KAFKA_ADMIN_PASSWORD": "a",
    "KAFKA_BROKER_PASSWORD": "b",
    "KAFKA_JARS": "/nowhere/jars",
}


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"KAFKA_DATA": "", "KAFKA_ADMIN_PASSWORD": ""}, "nothing for KAFKA_DATA KAFKA_ADMIN_PASSWORD"),
        ({"KAFKA_BROKER_PASSWORD": 'a"b'}, "a character that is none of"),
        ({"KAFKA_ADMIN_PASSWORD_FILE": "/nowhere/password"}, "/nowhere/password"),
        ({"KAFKA_TLS_FOLDER": "/nowhere/tls"}, "no /nowhere/tls/broker.pem that can be read"),
        ({"KAFKA_VOTERS": "1@a:2,2@b:2,3@c:2"}, "no KAFKA_CLUSTER_ID"),
    ],
)
def test_a_broker_that_cannot_start_says_why(settings: dict[str, str], found: str) -> None:
    done = subprocess.run(
        [START], env=os.environ | WHOLE | settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert f"found: {found}" in done.stderr
