"""python3 docker/make_env.py: write docker/.env, which Compose reads: images, ports, and secrets that are made here.

What stands in it stays; what is missing is added, so that it may be repeated after an update. Only its owner reads it.
"""

import argparse
import base64
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
# on loopback; `ports` in compose.yaml says of what
PORTS = {
    "MINIO_PORT": 9000,
    "MINIO_CONSOLE_PORT": 9001,
    "POSTGRES_PORT": 5432,
    "AIRFLOW_PORT": 8080,
    "SPARK_MASTER_PORT": 8081,
    "SPARK_HISTORY_PORT": 18080,
    "KAFKA_UI_PORT": 8082,
    "METRICS_PORT": 9108,
    "PROMETHEUS_PORT": 9090,
    "ALERTMANAGER_PORT": 9093,
    "GRAFANA_PORT": 3000,
}
PASSWORDS = (
    "MINIO_ROOT_PASSWORD",
    "KAFKA_ADMIN_PASSWORD",
    "KAFKA_BROKER_PASSWORD",
    "KAFKA_PRODUCER_PASSWORD",
    "KAFKA_STREAM_PASSWORD",
    "KAFKA_MONITOR_PASSWORD",
    "KAFKA_UI_PASSWORD",
    "ZOOKEEPER_PASSWORD",
    "POSTGRES_PASSWORD",
    "LEDGER_PASSWORD",
    "LEDGER_READER_PASSWORD",
    "AIRFLOW_DB_PASSWORD",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_API_SECRET",
    "AIRFLOW_ADMIN_PASSWORD",
    "SPARK_SECRET",
    "GRAFANA_PASSWORD",
)
S3_USERS = ("STREAM", "INGEST", "BATCH", "READER")
# for the user to fill in; without a value the thing is off
OPTIONAL = {
    "ALPHAVANTAGE_API_KEY": "",
    "TAPEHOUSE_ALERT_WEBHOOK": "",
    "LIVE_SYMBOLS": "AAPL,MSFT",
    "TAPEHOUSE_STREAM_OWNER": "service",
    "COMPOSE_PROJECT_NAME": "tapehouse",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", action="store_true", help="take the images from images.env anew")
    parser.add_argument("--file", type=Path, default=FOLDER / ".env", help="default: %(default)s")
    args = parser.parse_args()
    lines = args.file.read_text().splitlines() if args.file.exists() else []
    images = read(FOLDER.joinpath("images.env").read_text().splitlines())
    if args.images:
        lines = [line for line in lines if line.partition("=")[0] not in images]
    there = read(lines)
    added = {name: make() for name, make in wanted(images).items() if name not in there}
    write(args.file, [*lines, *(f"{name}={value}" for name, value in added.items())])
    print(f"{args.file}: {len(added)} values added, {len(there)} kept", file=sys.stderr)
    return 0


def wanted(images: dict[str, str]) -> dict[str, Callable[[], str]]:
    """Every name that Compose asks for, and what makes its value."""
    fixed = images | OPTIONAL | {name: str(port) for name, port in PORTS.items()}
    made: dict[str, Callable[[], str]] = {name: _constant(value) for name, value in fixed.items()}
    made |= dict.fromkeys(PASSWORDS, lambda: secrets.token_hex(20))
    made |= {"MINIO_ROOT_USER": _key_id, "AIRFLOW_FERNET_KEY": _fernet_key}
    for user in S3_USERS:
        made |= {f"S3_{user}_ACCESS_KEY": _key_id, f"S3_{user}_SECRET_KEY": lambda: secrets.token_hex(20)}
    return made


def read(lines: list[str]) -> dict[str, str]:
    """The values of a file of NAME=value."""
    named = [line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#")]
    return {name.strip(): value for name, _, value in named}


def write(file: Path, lines: list[str]) -> None:
    """In one piece, readable by its owner alone from the first byte on."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write("".join(f"{line}\n" for line in lines))
    new.replace(file)


def _constant(value: str) -> Callable[[], str]:
    return lambda: value


def _key_id() -> str:
    """Twenty characters, the longest that MinIO takes for the name of an account."""
    return secrets.token_hex(10)


def _fernet_key() -> str:
    """32 bytes, as Fernet spells them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


if __name__ == "__main__":
    sys.exit(main())
