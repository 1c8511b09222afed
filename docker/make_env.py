"""python3 docker/make_env.py: write what Compose reads: docker/.env (images, ports, options), and docker/secrets/.

What stands there stays; what is missing is added, so that it may be repeated after an update. Secrets of a .env as it
used to be are moved into files.
"""

import argparse
import base64
import json
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
    "PAGE_PORT": 8090,
    "PROMETHEUS_PORT": 9090,
    "ALERTMANAGER_PORT": 9093,
    "GRAFANA_PORT": 3000,
}
# for the user to change
OPTIONS = {
    "LIVE_SYMBOLS": "AAPL,MSFT",
    "TAPEHOUSE_STREAM_OWNER": "service",
    "STREAM_CONTAINERS": "1",
    "COMPOSE_PROJECT_NAME": "tapehouse",
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
FILLED_IN = ("ALPHAVANTAGE_API_KEY", "TAPEHOUSE_ALERT_WEBHOOK")
KAFKA_UI = "kafka_ui.yaml"
# what containers read of the checkout itself
MOUNTED = ("conf", "docker/prometheus", "docker/alertmanager", "docker/grafana")


class EnvError(Exception):
    """What, found, remedy."""

    def __init__(self, what: str, *, found: str, remedy: str) -> None:
        super().__init__(f"{what}\nfound: {found}\nremedy: {remedy}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", action="store_true", help="take the images from images.env anew")
    parser.add_argument(
        "--file", type=Path, default=FOLDER / ".env", help="the secrets lie beside it (default: %(default)s)"
    )
    args = parser.parse_args()
    try:
        refuse_what_containers_cannot_read(FOLDER.parent)
        make(args.file.absolute(), anew=args.images)
    except EnvError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def refuse_what_containers_cannot_read(root: Path) -> None:
    """Containers run as other users than the checkout's owner, and a mounted file keeps its mode."""
    found = [file for name in MOUNTED for file in (root / name, *sorted((root / name).rglob("*")))]
    closed = [file for file in found if (0o5 if file.is_dir() else 0o4) & ~file.stat().st_mode]
    if closed:
        raise EnvError(
            "containers could not read what they are given of the checkout",
            found="only for their owner: " + ", ".join(str(file.relative_to(root)) for file in closed),
            remedy=f"cd {root} && chmod -R a+rX {' '.join(MOUNTED)}",
        )


def make(file: Path, *, anew: bool) -> None:
    """Secrets first: what moves is in its file before it leaves the other one."""
    images = read(FOLDER.joinpath("images.env").read_text().splitlines())
    lines = file.read_text().splitlines() if file.exists() else []
    folder = file.parent / "secrets"
    made = write_secrets(folder, read(lines))
    left_out = {*makers(), *(images if anew else ())}
    lines = [line for line in lines if line.partition("=")[0].strip() not in left_out]
    where = "./secrets" if file.parent == FOLDER else str(folder)
    wanted = images | OPTIONS | {name: str(port) for name, port in PORTS.items()} | {"SECRETS_FOLDER": where}
    there = read(lines)
    added = {name: value for name, value in wanted.items() if name not in there}
    write(
        file, "".join(f"{line}\n" for line in [*lines, *(f"{n}={v}" for n, v in added.items())]), mode=0o600
    )
    print(
        f"{file}: {len(added)} values added, {len(there)} kept; {folder}: {made} secrets added",
        file=sys.stderr,
    )


def write_secrets(folder: Path, old: dict[str, str]) -> int:
    """One file for each, its name in lower case; `old` are the values that stand elsewhere. How many were written.

    Containers run as users of their own (10001, 999, 472, 65534), and what Compose mounts keeps owner and mode of the
    file: everybody may read it. Other users of the machine are kept out by the mode of the folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    kept = {name: content(folder / name.lower()) for name in makers()}
    for name, value in kept.items():
        if value and old.get(name, value) not in {"", value}:
            raise EnvError(
                f"{name} stands in .env and in {folder / name.lower()}",
                found="two different values",
                remedy="remove the one that is wrong",
            )
    values = {name: kept[name] or old.get(name) or new() for name, new in makers().items()}
    for name, value in values.items():
        file, mode = folder / name.lower(), 0o644 if name in FILLED_IN else 0o444
        if file.exists() and value == kept[name]:
            file.chmod(mode)
        else:
            write(file, value, mode=mode)
    page = kafka_ui(values["KAFKA_MONITOR_PASSWORD"], values["KAFKA_UI_PASSWORD"])
    if content(folder / KAFKA_UI) != page:
        write(folder / KAFKA_UI, page, mode=0o444)
    return sum(values[name] != kept[name] for name in values)


def makers() -> dict[str, Callable[[], str]]:
    """Every secret, and what makes its value."""
    made: dict[str, Callable[[], str]] = dict.fromkeys(PASSWORDS, lambda: secrets.token_hex(20))
    made |= {"MINIO_ROOT_USER": _key_id, "AIRFLOW_FERNET_KEY": _fernet_key}
    for user in S3_USERS:
        made |= {f"S3_{user}_ACCESS_KEY": _key_id, f"S3_{user}_SECRET_KEY": lambda: secrets.token_hex(20)}
    return made | dict.fromkeys(FILLED_IN, str)


def kafka_ui(monitor: str, admin: str) -> str:
    """Its whole configuration, since Kafka UI takes a password from no file. JSON is YAML too."""
    quoted = monitor.replace("\\", "\\\\").replace('"', '\\"')
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    properties = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": f'{login} username="monitor" password="{quoted}";',
    }
    cluster = {
        "name": "tapehouse",
        "readOnly": True,
        "bootstrapServers": "kafka:9092",
        "properties": properties,
    }
    said = {
        "kafka": {"clusters": [cluster]},
        "auth": {"type": "LOGIN_FORM"},
        "spring": {"security": {"user": {"name": "admin", "password": admin}}},
    }
    return json.dumps(said, indent=1)


def read(lines: list[str]) -> dict[str, str]:
    """The values of a file of NAME=value."""
    named = [line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#")]
    return {name.strip(): _unquoted(value.strip()) for name, _, value in named}


def content(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def write(file: Path, text: str, *, mode: int) -> None:
    """In one piece, readable by its owner alone until all of it is there."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    new.chmod(mode)
    new.replace(file)


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _key_id() -> str:
    """Twenty characters, the longest that MinIO takes for the name of an account."""
    return secrets.token_hex(10)


def _fernet_key() -> str:
    """32 bytes, as Fernet spells them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


if __name__ == "__main__":
    sys.exit(main())
