"""TLS as docs/kafka.md has it: a private CA, a broker that its clients know by it, and keys that only we read."""

import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.lake.errors import ServiceError
from jobs.lake.kafka import TopicEnds, describe_topic
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tapehouse.paths import ROOT
from tests.builders import quote
from tests.secured_kafka import TOPIC, SecuredKafka

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [
    pytest.mark.longest,
    pytest.mark.skipif(
        shutil.which("openssl") is None, reason="openssl is not installed; apt-get install openssl"
    ),
]
MAKE_CA = ROOT / "docker" / "kafka" / "make_ca.sh"


def make_ca(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([MAKE_CA, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    done = make_ca(folder, "kafka", "localhost", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def kafka(tls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    broker = SecuredKafka(tmp_path_factory.mktemp("kafka-with-tls"), tls=tls / "kafka")
    try:
        broker.wait_until_ready()
        broker.provision()
        yield broker
    finally:
        broker.stop()


def test_only_their_owner_reads_the_keys(tls: Path) -> None:
    modes = {
        file.relative_to(tls).as_posix(): stat.S_IMODE(file.stat().st_mode)
        for file in tls.rglob("*.[kp]e[ym]")
    }
    assert modes == {"ca.key": 0o600, "ca.pem": 0o644, "kafka/broker.pem": 0o600, "kafka/ca.pem": 0o600}


def test_what_was_made_is_kept(tls: Path) -> None:
    before = {file: file.read_bytes() for file in tls.rglob("*") if file.is_file()}
    again = make_ca(tls, "kafka", "localhost", "127.0.0.1")
    assert (again.returncode, "stays as it is" in again.stdout) == (0, True)
    other = make_ca(tls, "kafka", "another-host")
    assert other.returncode == 2
    assert "not written over\nfound: it is not of DNS:another-host" in other.stderr
    assert {file: file.read_bytes() for file in tls.rglob("*") if file.is_file()} == before


def test_another_broker_is_of_the_same_ca(tls: Path) -> None:
    assert make_ca(tls, "kafka-2", "kafka-2", "10.0.0.2").returncode == 0
    told = subprocess.run(
        ["openssl", "verify", "-CAfile", tls / "ca.pem", tls / "kafka-2" / "broker.pem"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.strip().endswith("broker.pem: OK"), told.stderr


def test_a_client_that_trusts_the_ca_gets_in_and_no_other(kafka: SecuredKafka, tmp_path: Path) -> None:
    producer, monitor = kafka.user("producer"), kafka.user("monitor")
    assert producer.protocol == "SASL_SSL"
    with KafkaSink(kafka=producer, topic=TOPIC, refused_file=tmp_path / "refused.jsonl") as sink:
        sink.send(Message("yahoo_recording", b"a frame", quote("14:30:01 AAPL 10 1")))
    assert (sink.acknowledged, sink.refused) == (1, 0)
    ends = TopicEnds(monitor, describe_topic(monitor, TOPIC))
    assert sum(ends.ask().values()) == 1
    ends.close()
    assert make_ca(tmp_path / "another", "kafka", "127.0.0.1").returncode == 0
    for ca, why in ((tmp_path / "another" / "ca.pem", "CERTIFICATE_VERIFY_FAILED"), (None, "disconnected")):
        with pytest.raises(ServiceError, match="ends each connection of the user monitor") as refused:
            describe_topic(replace(monitor, tls_ca=ca), TOPIC)
        assert why in refused.value.found


def test_spark_trusts_the_ca_too(kafka: SecuredKafka, spark: "SparkSession") -> None:
    stream = kafka.user("stream")
    messages = spark.read.format("kafka").options(**stream.spark_options(), subscribe=TOPIC).load()
    ends = TopicEnds(stream, describe_topic(stream, TOPIC))
    assert messages.count() == sum(ends.ask().values())
    ends.close()
