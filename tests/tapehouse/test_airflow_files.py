"""What Airflow is told is for its owner alone, and its environment holds no secret."""

import configparser
import json
import stat
from pathlib import Path

import pytest

from jobs.lake.settings import Settings
from tapehouse.services.airflow import SECRETS
from tapehouse.services.airflow_files import (
    CONFIGURATION,
    CONNECTIONS,
    PASSWORDS,
    POOLS,
    SPARK,
    environment,
    write_files,
)
from tapehouse.services.instance import Instance

URL = "http://127.0.0.1:1"


@pytest.fixture
def settings(services: Instance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    ca = tmp_path.with_name("ca.pem")
    ca.touch()
    told = services.environment() | {
        "TAPEHOUSE_KAFKA_USER": "stream",
        "TAPEHOUSE_KAFKA_PASSWORD": "a-password-for-kafka",
        "TAPEHOUSE_KAFKA_TLS_CA": str(ca),
        "ALPHAVANTAGE_API_KEY": "a-key-for-the-vendor",
        "TAPEHOUSE_LATENESS_MINUTES": "7",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return Settings(**told)


@pytest.fixture
def home(services: Instance, settings: Settings, tmp_path: Path) -> Path:
    """Airflow's folder with its files."""
    write_files(tmp_path, services.reserve(["airflow"], SECRETS), settings, url=URL)
    return tmp_path


def test_only_their_owner_reads_the_files(home: Path) -> None:
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()}
    assert modes == dict.fromkeys((CONFIGURATION, PASSWORDS, CONNECTIONS, SPARK, POOLS), 0o600)


def test_airflow_listens_on_loopback_and_has_secrets_of_its_own(home: Path, services: Instance) -> None:
    told = configparser.ConfigParser(interpolation=None)
    told.read(home / CONFIGURATION)
    assert (told["api"]["host"], told["core"]["execution_api_server_url"]) == (
        "127.0.0.1",
        f"{URL}/execution/",
    )
    secrets = services.reserve().secrets
    found = [
        told["core"]["fernet_key"],
        told["api"]["secret_key"],
        told["api_auth"]["jwt_secret"],
        *json.loads((home / PASSWORDS).read_text()).values(),
    ]
    assert len(set(found)) == 4
    assert min(map(len, found)) >= 40
    assert not set(found) & {secrets["ledger_password"], secrets["postgres_password"]}


def test_the_connections_say_what_the_settings_do(home: Path, settings: Settings) -> None:
    told = json.loads((home / CONNECTIONS).read_text())
    assert told["tapehouse_ledger"]["password"] == settings.ledger_password.get_secret_value()
    assert told["tapehouse_store"]["login"] == settings.s3_access_key.get_secret_value()
    assert told["tapehouse_alpha_vantage"]["password"] == "a-key-for-the-vendor"
    assert told["tapehouse_kafka"] == {
        "conn_type": "generic",
        "login": "stream",
        "password": "a-password-for-kafka",
        "extra": {"bootstrap_servers": settings.kafka_bootstrap, "tls_ca": str(settings.kafka_tls_ca)},
    }
    assert json.loads((home / SPARK).read_text())["spark_default"]["host"] == "local[2]"
    assert told["tapehouse_warehouse"]["extra"]["WAREHOUSE"] == "duckdb"


def test_no_secret_is_in_the_environment_of_airflow(
    services: Instance, settings: Settings, tmp_path: Path
) -> None:
    told = environment(tmp_path, settings, services.environment())
    secrets = {*services.reserve().secrets.values(), "a-key-for-the-vendor", "a-password-for-kafka"}
    assert not [name for name, value in told.items() if any(secret in value for secret in secrets)]
    assert (told["TAPEHOUSE_LATENESS_MINUTES"], told["PGHOST"]) == ("7", "127.0.0.1")
    # the product's code and Python are for its own programs
    assert not {"PYTHONPATH", "PYSPARK_PYTHON", "VIRTUAL_ENV"} & told.keys()
