"""What the settings say of Kafka as options of its clients, and a password that nobody is shown."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from jobs.lake.errors import SettingsError
from jobs.lake.kafka_address import KafkaAddress
from jobs.lake.settings import read_settings

PASSWORD = 'pass "word" \\ of; stream'
STREAM = KafkaAddress("127.0.0.1:1", "stream", SecretStr(PASSWORD))
NEEDED = {
    "TAPEHOUSE_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "PGHOST": "127.0.0.1",
    "PGUSER": "c",
    "PGPASSWORD": "d",
    "TAPEHOUSE_CHECKPOINTS": "/nowhere",
}


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    for name in ("USER", "PASSWORD", "TLS_CA"):
        monkeypatch.delenv(f"TAPEHOUSE_KAFKA_{name}", raising=False)


def test_a_kafka_without_users_is_spoken_to_in_plain() -> None:
    kafka = read_settings().kafka
    assert kafka.client_options() == {
        "bootstrap_servers": "127.0.0.1:1",
        "security_protocol": "PLAINTEXT",
    }
    assert kafka.spark_options() == {
        "kafka.bootstrap.servers": "127.0.0.1:1",
        "kafka.security.protocol": "PLAINTEXT",
        "groupIdPrefix": "tapehouse-stream",
    }


def test_a_user_logs_in_by_scram(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHOUSE_KAFKA_USER", "stream")
    monkeypatch.setenv("TAPEHOUSE_KAFKA_PASSWORD", PASSWORD)
    kafka = read_settings().kafka
    assert kafka == STREAM
    assert kafka.client_options() == {
        "bootstrap_servers": "127.0.0.1:1",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "stream",
        "sasl_plain_password": PASSWORD,
    }
    spark = kafka.spark_options()
    assert spark["kafka.security.protocol"] == "SASL_PLAINTEXT"
    assert spark["kafka.sasl.mechanism"] == "SCRAM-SHA-512"
    assert spark["kafka.sasl.jaas.config"] == (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        r'username="stream" password="pass \"word\" \\ of; stream";'
    )


def test_a_ca_is_given_to_executors_by_its_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    monkeypatch.setenv("TAPEHOUSE_KAFKA_TLS_CA", str(ca))
    kafka = read_settings().kafka
    assert kafka.client_options()["ssl_cafile"] == str(ca)
    spark = kafka.spark_options()
    assert spark["kafka.security.protocol"] == kafka.client_options()["security_protocol"] == "SSL"
    assert spark["kafka.ssl.truststore.type"] == "PEM"
    assert spark["kafka.ssl.truststore.certificates"] == "-----BEGIN CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("name", "found"),
    [("USER", "a user without a password"), ("PASSWORD", "a password without a user")],
)
def test_half_a_login_is_refused_by_both_names(
    monkeypatch: pytest.MonkeyPatch, name: str, found: str
) -> None:
    monkeypatch.setenv(f"TAPEHOUSE_KAFKA_{name}", "half")
    with pytest.raises(SettingsError, match="TAPEHOUSE_KAFKA_USER and TAPEHOUSE_KAFKA_PASSWORD") as refused:
        read_settings()
    assert refused.value.found == found


def test_a_ca_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHOUSE_KAFKA_TLS_CA", "/nowhere/ca.pem")
    with pytest.raises(SettingsError, match="TAPEHOUSE_KAFKA_TLS_CA"):
        read_settings()


def test_the_password_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHOUSE_KAFKA_USER", "stream")
    monkeypatch.setenv("TAPEHOUSE_KAFKA_PASSWORD", PASSWORD)
    for shown in (STREAM, read_settings(), STREAM.client_options()):
        assert "word" not in repr(shown).replace("password", "")
        assert "***" in repr(shown)
