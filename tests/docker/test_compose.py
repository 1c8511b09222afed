"""The Compose files: what they ask for is made, nothing listens outside, and a service knows its own secrets alone."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.container_files import COMPOSE, ZOOKEEPER, services, write_env

FILES = (COMPOSE, ZOOKEEPER)
MOUNTED = "/run/secrets/"
SERVICES = services(*FILES)
# what the override says of a service that the first file has too is only what differs
WHOLE = services(COMPOSE) | {name: one for name, one in SERVICES.items() if name.endswith(": zookeeper")}
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)(:?\?[^}]*)?\}")
OURS = {"tapehouse-spark", "tapehouse-airflow", "tapehouse-kafka", "tapehouse-kafka-zookeeper"}
AIRFLOW = {"AIRFLOW_DB_PASSWORD", "AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_API_SECRET"}
S3 = {
    f"S3_{user}_{part}_KEY"
    for user in ("STREAM", "INGEST", "BATCH", "READER")
    for part in ("ACCESS", "SECRET")
}
BATCH, INGEST = ({name for name in S3 if user in name} for user in ("BATCH", "INGEST"))
READER, STREAM = ({name for name in S3 if user in name} for user in ("READER", "STREAM"))
MINIO = {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"}
KAFKA_NODE = {"KAFKA_ADMIN_PASSWORD", "KAFKA_BROKER_PASSWORD"}
KNOWS = {
    "kafka": KAFKA_NODE,
    "minio": MINIO,
    "postgres": {"POSTGRES_PASSWORD"},
    "provision": S3
    | MINIO
    | {f"KAFKA_{user}_PASSWORD" for user in ("ADMIN", "PRODUCER", "STREAM", "MONITOR")}
    | {"POSTGRES_PASSWORD", "LEDGER_PASSWORD", "LEDGER_READER_PASSWORD", "AIRFLOW_DB_PASSWORD"},
    "spark-master": {"SPARK_SECRET"},
    "spark-worker-1": {"SPARK_SECRET"},
    "spark-worker-2": {"SPARK_SECRET"},
    "spark-history": set(),
    "stream": STREAM | {"SPARK_SECRET", "LEDGER_PASSWORD", "KAFKA_STREAM_PASSWORD"},
    "metrics": READER | {"LEDGER_READER_PASSWORD", "KAFKA_MONITOR_PASSWORD"},
    "page": READER | {"LEDGER_READER_PASSWORD", "KAFKA_MONITOR_PASSWORD"},
    "airflow-init": AIRFLOW | BATCH | {"LEDGER_PASSWORD", "KAFKA_STREAM_PASSWORD", "ALPHAVANTAGE_API_KEY"},
    "airflow-api-server": AIRFLOW | {"AIRFLOW_ADMIN_PASSWORD"},
    "airflow-scheduler": AIRFLOW | {"SPARK_SECRET"},
    "airflow-dag-processor": AIRFLOW,
    "airflow-triggerer": AIRFLOW,
    "prometheus": set(),
    "alertmanager": {"TAPEHOUSE_ALERT_WEBHOOK"},
    "grafana": {"GRAFANA_PASSWORD"},
    "kafka-ui": {"KAFKA_UI.YAML"},
    "tape": INGEST | {"LEDGER_PASSWORD", "KAFKA_PRODUCER_PASSWORD"},
    "producer": INGEST | {"LEDGER_PASSWORD", "KAFKA_PRODUCER_PASSWORD", "ALPHAVANTAGE_API_KEY"},
    "tapehouse": READER | {"LEDGER_READER_PASSWORD", "KAFKA_MONITOR_PASSWORD"},
}
OF_OVERRIDE = {"kafka": {"ZOOKEEPER_PASSWORD"}, "zookeeper": {"ZOOKEEPER_PASSWORD"}}
EACH = [(COMPOSE, name, known) for name, known in KNOWS.items()] + [
    (ZOOKEEPER, name, known) for name, known in OF_OVERRIDE.items()
]
SECRET = re.compile(r"PASSWORD|SECRET|KEY|WEBHOOK|ROOT_USER")


def test_all_that_compose_asks_for_is_made(tmp_path: Path) -> None:
    asked = {name for file in FILES for name, _ in VARIABLE.findall(file.read_text())}
    assert asked <= write_env(tmp_path / ".env").keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_without_a_value_nothing_starts(file: Path) -> None:
    assert [name for name, refused in VARIABLE.findall(file.read_text()) if not refused] == []


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_ours_or_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image in OURS or re.fullmatch(r"\$\{[A-Z_]+_IMAGE:\?[^}]+\}", image)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_alone(name: str) -> None:
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []
    assert not {"network_mode", "privileged", "pid", "ipc", "cap_add", "devices"} & SERVICES[name].keys()


@pytest.mark.parametrize("name", WHOLE)
def test_a_service_may_do_nothing_that_it_need_not(name: str) -> None:
    one = WHOLE[name]
    assert (one["cap_drop"], one["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert one["read_only"] is True
    assert one["logging"]["options"]["max-size"]
    assert one["restart"] in {"unless-stopped", "no"}


@pytest.mark.parametrize(("file", "name", "known"), EACH)
def test_a_service_knows_its_own_secrets_alone(file: Path, name: str, known: set[str]) -> None:
    one = SERVICES[f"{file.name}: {name}"]
    named = {str(value) for value in (one.get("environment") or {}).values()}
    assert {path.removeprefix(MOUNTED).upper() for path in named if path.startswith(MOUNTED)} == known
    assert {secret.upper() for secret in one.get("secrets", [])} == known


def test_each_service_is_looked_at() -> None:
    assert {f"{file.name}: {name}" for file, name, _ in EACH} == SERVICES.keys()


def test_each_secret_is_declared_used_and_made(tmp_path: Path) -> None:
    write_env(tmp_path / ".env")
    made = {file.name for file in (tmp_path / "secrets").iterdir()}
    for file in FILES:
        declared = yaml.safe_load(file.read_text())["secrets"]
        assert declared.keys() == {
            secret for one in services(file).values() for secret in one.get("secrets", [])
        }
        assert declared.keys() <= made
        for name, said in declared.items():
            assert said == {"file": f"${{SECRETS_FOLDER:?run make_env.py}}/{name}"}


def test_an_image_is_built_by_one_service() -> None:
    for file in FILES:
        built = [one["image"] for one in services(file).values() if "build" in one]
        assert sorted(built) == sorted({one["image"] for one in services(file).values()} & OURS)


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_is_written_down_or_given_as_an_argument(name: str) -> None:
    one = SERVICES[name]
    written = [
        key
        for key, value in (one.get("environment") or {}).items()
        if SECRET.search(key) and not str(value).startswith(MOUNTED)
    ]
    assert written == []
    assert [asked for asked, _ in VARIABLE.findall(str(one)) if SECRET.search(asked)] == []
    assert not SECRET.search(str([one.get("command"), one.get("entrypoint"), one.get("healthcheck")]))


@pytest.mark.parametrize("options", [[], ["--profile", "demo"], ["--profile", "live"], ["--profile", "cli"]])
@pytest.mark.parametrize("files", [[COMPOSE], [COMPOSE, ZOOKEEPER]], ids=["kraft", "zookeeper"])
def test_compose_takes_the_files(files: list[Path], options: list[str], tmp_path: Path) -> None:
    env = write_env(tmp_path / ".env")
    named = [word for file in files for word in ("-f", str(file))]
    command = [*_compose(), *named, *options, "config", "-q"]
    done = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _compose() -> list[Any]:
    """Compose v1, else the plugin of v2."""
    if one := shutil.which("docker-compose"):
        return [one]
    two = ["docker", "compose"]
    if shutil.which("docker") and subprocess.run([*two, "version"], capture_output=True).returncode == 0:
        return two
    pytest.skip("neither docker-compose nor docker compose is installed; apt-get install docker-compose")
