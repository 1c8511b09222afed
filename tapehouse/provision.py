"""`tapehouse provision`: what an administrator makes once at Kafka, MinIO and PostgreSQL. Repeated, it changes nothing.

Passwords come from the environment, or from files that NAME_FILE names there: those of the administrators, and those
that the users are to have.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

KAFKA = "kafka"


class Part(NamedTuple):
    """One service: the names of the environment that it needs, and what makes all of it and says what was new."""

    needs: Callable[[], Sequence[str]]
    make: Callable[..., list[str]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, metavar="SERVICE", help=f"{', '.join(PARTS)} (default: all)"
    )
    parser.add_argument(
        "--brokers",
        type=int,
        default=1,
        metavar="N",
        help="make nothing at Kafka before so many are there (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="what was made or changed, as JSON")


def run(args: argparse.Namespace) -> int:
    """Make what is not there, at one service after the other."""
    parts = {name: part for name, part in PARTS.items() if name in (args.only or PARTS)}
    environment = _environment(parts)
    made: dict[str, list[str]] = {}
    for name, part in parts.items():
        made[name] = part.make(environment, **({"brokers": args.brokers} if name == KAFKA else {}))
        if not args.json:
            for line in made[name] or ["all of it was there"]:
                print(f"{name}: {line}", flush=True)
    if args.json:
        print(json.dumps(made, indent=1))
    return 0


def _environment(parts: Mapping[str, Part]) -> Mapping[str, str]:
    """The environment with what files hold, or an error that names all that is missing."""
    from jobs.lake.errors import SettingsError
    from jobs.lake.settings import values_of_files

    needed = [name for part in parts.values() for name in part.needs()]
    environment = {**os.environ, **values_of_files(needed)}
    missing = [name for name in needed if not environment.get(name)]
    if missing:
        raise SettingsError(
            f"the environment lacks {', '.join(missing)}",
            found=f"{len(missing)} names without a value that {', '.join(parts)} need",
            remedy="set them, or NAME_FILE for each, or name with --only the services that are to be provisioned",
        )
    return environment


def _kafka_needs() -> Sequence[str]:
    from tapehouse.provisioning.kafka import PASSWORDS

    return ("TAPEHOUSE_KAFKA_BOOTSTRAP", "KAFKA_ADMIN_PASSWORD", *PASSWORDS.values())


def _make_kafka(environment: Mapping[str, str], *, brokers: int) -> list[str]:
    from pydantic import SecretStr

    from jobs.lake.kafka_address import KafkaAddress
    from tapehouse.provisioning.kafka import ADMIN, PASSWORDS, provision_kafka
    from tapehouse.services.kafka import TOPIC

    authority = environment.get("TAPEHOUSE_KAFKA_TLS_CA")
    admin = KafkaAddress(
        environment["TAPEHOUSE_KAFKA_BOOTSTRAP"],
        ADMIN,
        SecretStr(environment["KAFKA_ADMIN_PASSWORD"]),
        Path(authority) if authority else None,
    )
    passwords = {user: SecretStr(environment[name]) for user, name in PASSWORDS.items()}
    topic = environment.get("TAPEHOUSE_TOPIC") or TOPIC
    return provision_kafka(admin, passwords=passwords, topic=topic, brokers=brokers)


def _store_needs() -> Sequence[str]:
    from tapehouse.provisioning.store import USERS

    keys = [name for user in USERS for name in _key_names(user)]
    return ("AWS_ENDPOINT_URL", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", *keys)


def _make_store(environment: Mapping[str, str]) -> list[str]:
    from tapehouse.provisioning.store import USERS, Keys, StoreAddress, provision_store

    root = Keys(environment["MINIO_ROOT_USER"], environment["MINIO_ROOT_PASSWORD"])
    users = {user: Keys(*(environment[name] for name in _key_names(user))) for user in USERS}
    region = environment.get("AWS_REGION") or "us-east-1"
    return provision_store(
        StoreAddress(environment["AWS_ENDPOINT_URL"], root, region),
        users=users,
        stream_by_batch=environment.get("TAPEHOUSE_STREAM_OWNER") == "airflow",
    )


def _key_names(user: str) -> tuple[str, str]:
    return f"S3_{user.upper()}_ACCESS_KEY", f"S3_{user.upper()}_SECRET_KEY"


def _postgres_needs() -> Sequence[str]:
    from tapehouse.provisioning.postgres import PASSWORDS

    return ("PGHOST", "PGPORT", "POSTGRES_PASSWORD", *PASSWORDS.values())


def _make_postgres(environment: Mapping[str, str]) -> list[str]:
    from tapehouse.provisioning.postgres import PASSWORDS, Login, provision_postgres

    admin = Login(environment["PGHOST"], int(environment["PGPORT"]), environment["POSTGRES_PASSWORD"])
    passwords = {role: environment[name] for role, name in PASSWORDS.items()}
    return provision_postgres(admin, passwords=passwords)


PARTS = {
    KAFKA: Part(_kafka_needs, _make_kafka),
    "store": Part(_store_needs, _make_store),
    "postgres": Part(_postgres_needs, _make_postgres),
}
