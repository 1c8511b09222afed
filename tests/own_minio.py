"""MinIO of a test's own: the real server on a free port, gone when the test is."""

import contextlib
import secrets
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.errors import ServiceError
from tapehouse.paths import LOCAL
from tapehouse.provisioning.store import USERS, Keys, StoreAddress
from tapehouse.services import processes
from tapehouse.services.minio import SECRETS, Minio, find_minio
from tapehouse.services.ports import find_ports
from tapehouse.services.processes import Started
from tapehouse.services.service import Place
from tapehouse.services.starting import start_until_ready
from tapehouse.services.store import address

ACCOUNTS = tuple(
    f"s3_{account}_{kind}_key" for account in ("operator", "pipeline") for kind in ("access", "secret")
)


@dataclass
class OwnMinio:
    """The place of the server, and its process, which a test may end and start again."""

    place: Place
    process: Started | None = None

    def start(self) -> None:
        start_until_ready(Minio(), self.place, self._launched)

    def stop(self) -> None:
        if self.process:
            processes.stop(self.process, by=Minio.stop_signal, patience=Minio.patience)

    def address(self, user: str) -> StoreAddress:
        return address(self.place, user)

    def kill(self) -> None:
        if self.process:
            processes.kill(self.process)

    def client(self, user: str) -> Any:
        return self.address(user).client()

    def users(self) -> dict[str, Keys]:
        return {user: self.address(user).keys for user in USERS}

    def _launched(self, process: Started) -> None:
        self.process = process


@contextlib.contextmanager
def own_minio(folder: Path) -> Generator[OwnMinio, None, None]:
    """The server, with the buckets and all of its users."""
    try:
        find_minio()
    except ServiceError:
        pytest.skip("no MinIO: make minio builds it in about 8 minutes")
    made = {name: secrets.token_hex(20) for name in (*SECRETS, *ACCOUNTS)}
    minio = OwnMinio(Place(folder, find_ports(list(Minio.port_names)), made, LOCAL, LOCAL))
    try:
        minio.start()
        yield minio
    finally:
        minio.stop()
