"""What our programs find in their environment: places from Airflow's own, the rest from connections, as templates.

A secret is written down nowhere else: Airflow renders the templates where the program starts, and hides their values.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LEDGER = {
    "PGHOST": "{{ conn.tapehouse_ledger.host }}",
    "PGPORT": "{{ conn.tapehouse_ledger.port or 5432 }}",
    "PGDATABASE": "{{ conn.tapehouse_ledger.schema }}",
    "PGUSER": "{{ conn.tapehouse_ledger.login }}",
    "PGPASSWORD": "{{ conn.tapehouse_ledger.password }}",
}
STORE = {
    "AWS_ENDPOINT_URL": "{{ conn.tapehouse_store.extra_dejson['endpoint_url'] }}",
    "AWS_REGION": "{{ conn.tapehouse_store.extra_dejson['region'] }}",
    "AWS_ACCESS_KEY_ID": "{{ conn.tapehouse_store.login }}",
    "AWS_SECRET_ACCESS_KEY": "{{ conn.tapehouse_store.password }}",
}
# an empty value is no value: a Kafka that has no users, and the product's defaults below
KAFKA = {
    "TAPEHOUSE_KAFKA_BOOTSTRAP": "{{ conn.tapehouse_kafka.extra_dejson['bootstrap_servers'] }}",
    "TAPEHOUSE_KAFKA_USER": "{{ conn.tapehouse_kafka.login or '' }}",
    "TAPEHOUSE_KAFKA_PASSWORD": "{{ conn.tapehouse_kafka.password or '' }}",
    "TAPEHOUSE_KAFKA_TLS_CA": "{{ conn.tapehouse_kafka.extra_dejson.get('tls_ca', '') }}",
}
OF_WAREHOUSE = (
    "WAREHOUSE",
    "SNOWFLAKE_ACCOUNT",
    "SNOWFLAKE_USER",
    "SNOWFLAKE_PRIVATE_KEY_FILE",
    "SNOWFLAKE_ROLE",
    "SNOWFLAKE_WAREHOUSE",
    "SNOWFLAKE_DATABASE",
    "SNOWFLAKE_SCHEMA",
    "SNOWFLAKE_HOST",
    "SNOWFLAKE_PORT",
    "SNOWFLAKE_PROTOCOL",
)
WAREHOUSE = {
    name: f"{{{{ conn.tapehouse_warehouse.extra_dejson.get('{name}', '') }}}}" for name in OF_WAREHOUSE
} | {"SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "{{ conn.tapehouse_warehouse.password or '' }}"}
VENDORS = {"ALPHAVANTAGE_API_KEY": "{{ conn.tapehouse_alpha_vantage.password or '' }}"}
SESSION = {"TAPEHOUSE_SESSION": "{{ partition_key or '' }}"}


class SurroundingsError(RuntimeError):
    """Airflow was started without a name that says where the product is."""


def place(name: str) -> str:
    """A path from Airflow's own environment."""
    if not os.environ.get(name):
        raise SurroundingsError(
            f"Airflow does not know where the product is; found no {name} in its environment; "
            "remedy: start Airflow by `make airflow`"
        )
    return os.environ[name]


def places() -> dict[str, str]:
    """Which code and which Python a program of ours runs with: never Airflow's."""
    python = place("TAPEHOUSE_PYTHON")
    return {
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "SPARK_HOME": place("SPARK_HOME"),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
    }


def of_step() -> dict[str, str]:
    """The environment of every task's program, on top of Airflow's own."""
    return places() | LEDGER | STORE | KAFKA | WAREHOUSE | VENDORS | SESSION
