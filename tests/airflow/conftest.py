"""Airflow's home is a folder of the test run's own, and its environment what the launcher would give it."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).resolve().parents[2]
HOME = tempfile.TemporaryDirectory(prefix="tapehouse-airflow-tests-")
SECRETS = {
    "ledger": "ledger-password-value",
    "store": "store-secret-value",
    "kafka": "kafka-password-value",
    "store_id": "STOREKEYIDVALUE",
    "vendor": "vendor-key-value",
    "passphrase": "passphrase-value",
}
CONNECTIONS = {
    "spark_default": {"conn_type": "spark", "host": "local[2]", "extra": {"deploy-mode": "client"}},
    "tapehouse_ledger": {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 5439,
        "schema": "tapehouse",
        "login": "tapehouse",
        "password": SECRETS["ledger"],
    },
    "tapehouse_store": {
        "conn_type": "generic",
        "login": SECRETS["store_id"],
        "password": SECRETS["store"],
        "extra": {"endpoint_url": "http://127.0.0.1:8333", "region": "us-east-1"},
    },
    "tapehouse_kafka": {
        "conn_type": "generic",
        "login": "stream",
        "password": SECRETS["kafka"],
        "extra": {"bootstrap_servers": "127.0.0.1:9092", "tls_ca": "/etc/kafka/ca.pem"},
    },
    "tapehouse_warehouse": {
        "conn_type": "generic",
        "password": SECRETS["passphrase"],
        "extra": {"WAREHOUSE": "duckdb"},
    },
    "tapehouse_alpha_vantage": {"conn_type": "generic", "password": SECRETS["vendor"]},
}

# Airflow reads all of this when it is imported first
os.environ.update(
    {
        "AIRFLOW_HOME": HOME.name,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "airflow" / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "airflow" / "plugins"),
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "7",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME.name}/airflow.db",
        "SPARK_HOME": "/opt/spark",
        "TAPEHOUSE_PYTHON": str(ROOT / ".venv" / "bin" / "python"),
    }
    | {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in CONNECTIONS.items()}
)
sys.path.insert(0, str(ROOT / "airflow" / "plugins"))


def program(file: Path, body: str) -> None:
    """A program of a few lines of shell."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o700)


@pytest.fixture(scope="session")
def bag() -> "DagBag":
    from airflow.dag_processing.dagbag import DagBag

    return DagBag()
