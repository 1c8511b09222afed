"""`tapehouse provision`: what it needs is named at once, and Kafka's part on a broker that asks who one is."""

import shutil
from pathlib import Path

import pytest

from tapehouse.provision import PARTS
from tests.secured_kafka import SecuredKafka
from tests.stack import call

NEEDED = sorted(name for part in PARTS.values() for name in part.needs())


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)


def test_every_name_that_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "")
    code, out, err = call("provision")
    assert (code, out) == (2, "")
    assert sorted(err.splitlines()[0].removeprefix("error: the environment lacks ").split(", ")) == [
        name for name in NEEDED if name != "PGHOST"
    ]
    assert "S3_READER_SECRET_KEY" in err
    assert "KAFKA_MONITOR_PASSWORD" in err
    assert "remedy:" in err


def test_only_what_the_named_services_need_is_asked_for() -> None:
    code, _, err = call("provision", "--only", "postgres")
    assert code == 2
    assert err.startswith(
        "error: the environment lacks PGHOST, PGPORT, POSTGRES_PASSWORD, LEDGER_PASSWORD, "
        "LEDGER_READER_PASSWORD, AIRFLOW_DB_PASSWORD\n"
    )
    assert call("provision", "--only", "zookeeper")[0] == 2


def test_kafka_is_given_users_topic_and_rules_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kafka, files = SecuredKafka(tmp_path), tmp_path / "passwords"
    files.mkdir()
    try:
        kafka.wait_until_ready()
        monkeypatch.setenv("TAPEHOUSE_KAFKA_BOOTSTRAP", kafka.bootstrap)
        monkeypatch.setenv("TAPEHOUSE_TOPIC", "of.this-test")
        for user, password in (kafka.passwords | kafka.own).items():
            (files / user).write_text(password)
            monkeypatch.setenv(f"KAFKA_{user.upper()}_PASSWORD_FILE", str(files / user))
        code, out, err = call("provision", "--only", "kafka", "--brokers", 2)
        assert (code, out) == (1, "")
        assert "found: 1 of 2" in err
        code, out, _ = call("provision", "--only", "kafka")
        assert code == 0
        assert "kafka: user stream: made\n" in out
        assert "kafka: topic of.this-test: 4 partitions" in out
        assert call("provision", "--only", "kafka") == (0, "kafka: all of it was there\n", "")
    finally:
        kafka.stop()
        shutil.rmtree(files)  # or the run would find them at its end
