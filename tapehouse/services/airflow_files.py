"""What Airflow is told: configuration, password, connections and pools, in files that only their owner reads."""

import base64
import configparser
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from jobs.lake.settings import Settings
from tapehouse.paths import AIRFLOW_ENV, ROOT, VENV
from tapehouse.services.environment import master_of
from tapehouse.services.service import Place

CONFIGURATION, PASSWORDS = "airflow.cfg", "passwords.json"
CONNECTIONS, SPARK, POOLS = "connections.json", "spark.json", "pools.json"
USER = "admin"
MASTER, LOCAL = "TAPEHOUSE_SPARK_MASTER", "local[2]"
# the stream takes one for ever
PARALLEL_TASKS = 6
# a run of Spark, of two cores and a heap of its own, at a time; and the stream's, which does not end
POOLS_OF_ONE = {
    "spark_batch": "whatever writes a table, the stream's excepted",
    "spark_stream": "the streaming job",
}
# what a task gets by PATH and files of the product's own environment, and nothing else of this program's
NOT_FOR_AIRFLOW = ("PYTHONPATH", "PYTHONSAFEPATH", "VIRTUAL_ENV", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")


def environment(home: Path, settings: Settings, programs: Mapping[str, str]) -> dict[str, str]:
    """What Airflow's processes need in their environment; no secret is in it. `programs` says where ours are."""
    told, secret = _told(settings)
    unwanted = {*NOT_FOR_AIRFLOW, *secret, *(f"{name}_FILE" for name in secret)}
    inherited = {name: value for name, value in (os.environ | programs).items() if name not in unwanted}
    return (
        inherited
        | told
        | {
            "AIRFLOW_HOME": str(home),
            "PATH": f"{AIRFLOW_ENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TAPEHOUSE_PYTHON": str(VENV / "bin" / "python"),
        }
    )


def write_files(home: Path, place: Place, settings: Settings, *, url: str) -> None:
    """Write them all anew; the connections are to be imported and removed."""
    sections = configparser.ConfigParser(interpolation=None)
    sections.read_dict(_configuration(home, place, url))
    with _private(home / CONFIGURATION) as file:
        sections.write(file)
    with _private(home / PASSWORDS) as file:
        json.dump({USER: place.secrets["airflow_user_password"]}, file, indent=1)
    write_imports(home, settings, master=master_of(place) if "spark_master" in place.ports else LOCAL)


def write_imports(home: Path, settings: Settings, *, master: str = LOCAL) -> None:
    """Write what Airflow's own command line imports: connections, and pools.

    Spark's is to `master`, unless the environment names another one.
    """
    for name, content in (
        (CONNECTIONS, _connections(settings)),
        (SPARK, {"spark_default": _spark(os.environ.get(MASTER) or master)}),
        (POOLS, {name: _one_slot(use) for name, use in POOLS_OF_ONE.items()}),
    ):
        with _private(home / name) as file:
            json.dump(content, file, indent=1)


def _told(settings: Settings) -> tuple[dict[str, str], set[str]]:
    """The settings by their names in the environment: those that may be told, and the names of those that may not."""
    told, secret = {}, set()
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if "SecretStr" in str(field.annotation):
            secret.add(str(field.alias))
        elif value is not None:
            told[str(field.alias)] = str(value)
    return told, secret


def _configuration(home: Path, place: Place, url: str) -> dict[str, dict[str, str]]:
    database = f"127.0.0.1:{place.ports['postgres']}/airflow"
    return {
        "core": {
            "dags_folder": str(ROOT / "airflow" / "dags"),
            "plugins_folder": str(ROOT / "airflow" / "plugins"),
            "load_examples": "False",
            "executor": "LocalExecutor",
            "parallelism": str(PARALLEL_TASKS),
            "fernet_key": _fernet_key(place.secrets["airflow_fernet_secret"]),
            "execution_api_server_url": f"{url}/execution/",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": str(home / PASSWORDS),
            "default_task_retry_delay": "30",
        },
        "database": {
            "sql_alchemy_conn": f"postgresql+psycopg2://airflow:{place.secrets['airflow_database_password']}@{database}"
        },
        "api": {
            "host": "127.0.0.1",
            "port": str(place.ports["airflow"]),
            "base_url": url,
            "secret_key": place.secrets["airflow_api_secret"],
            "workers": "1",
        },
        "api_auth": {"jwt_secret": place.secrets["airflow_jwt_secret"]},
        # a report to the ledger runs there, three tries of 12 s
        "dag_processor": {"refresh_interval": "30", "dag_file_processor_timeout": "120"},
        "logging": {"base_log_folder": str(home / "logs")},
    }


def _connections(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        "tapehouse_ledger": {
            "conn_type": "postgres",
            "host": settings.ledger_host,
            "port": settings.ledger_port,
            "schema": settings.ledger_database,
            "login": settings.ledger_user,
            "password": settings.ledger_password.get_secret_value(),
        },
        "tapehouse_store": {
            "conn_type": "generic",
            "login": settings.s3_access_key.get_secret_value(),
            "password": settings.s3_secret_key.get_secret_value(),
            "extra": {"endpoint_url": settings.s3_endpoint, "region": settings.s3_region},
        },
        "tapehouse_kafka": {
            "conn_type": "generic",
            "login": settings.kafka_user or "",
            "password": _shown(settings.kafka_password),
            "extra": {"bootstrap_servers": settings.kafka_bootstrap}
            | ({"tls_ca": str(settings.kafka_tls_ca)} if settings.kafka_tls_ca else {}),
        },
        "tapehouse_warehouse": {
            "conn_type": "generic",
            "password": _shown(settings.snowflake_private_key_passphrase),
            "extra": {
                n: v for n, v in _told(settings)[0].items() if n.startswith(("SNOWFLAKE_", "WAREHOUSE"))
            },
        },
        "tapehouse_alpha_vantage": {"conn_type": "generic", "password": _shown(settings.alpha_vantage_key)},
    }


def _spark(master: str) -> dict[str, Any]:
    """Which master, until somebody names another one in Airflow."""
    return {"conn_type": "spark", "host": master, "extra": {"deploy-mode": "client"}}


def _one_slot(use: str) -> dict[str, Any]:
    return {"slots": 1, "description": use, "include_deferred": False}


def _fernet_key(secret: str) -> str:
    """32 bytes, as Fernet spells them."""
    return base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).decode()


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _private(file: Path) -> Any:
    """A file that only its owner reads, from its first byte on."""
    file.unlink(missing_ok=True)
    return open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")
