"""MinIO as the S3 store, instead of the embedded one: each object is on the disk when it is acknowledged."""

import os
import signal
from pathlib import Path

from jobs.lake.errors import ServiceError
from tapehouse.paths import STATE
from tapehouse.provisioning.store import USERS, provision_store
from tapehouse.services import processes
from tapehouse.services.service import Place
from tapehouse.services.store import address, check_store

NAMED_BY = "TAPEHOUSE_MINIO"
BINARY = STATE / "minio" / "minio"
# beside those of the operator and the pipeline
SECRETS = tuple(f"s3_{user}_{kind}_key" for user in USERS for kind in ("access", "secret"))


class Minio:
    """`minio server` on loopback. Its root is the operator; the account `pipeline` has the three buckets alone.

    Users of the four services are made too, where the place has keys for them.
    """

    name = "store"
    port_names = ("s3",)
    patience = 10.0
    stop_signal = signal.SIGTERM

    def start(self, place: Place) -> processes.Started:
        folder = place.data("minio")
        folder.chmod(0o700)  # the users' secrets are in there, as they are
        root = address(place, "operator").keys
        return processes.start(
            [str(find_minio()), "server", str(folder), "--address", f"127.0.0.1:{place.ports['s3']}"],
            log=place.log(self.name),
            folder=folder,
            environment={
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(folder),
                "MINIO_ROOT_USER": root.access,
                "MINIO_ROOT_PASSWORD": root.secret,
                # the console is another port
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
                # counters, for Prometheus of this machine
                "MINIO_PROMETHEUS_AUTH_TYPE": "public",
            },
        )

    def check(self, place: Place) -> None:
        check_store(place)

    def prepare(self, place: Place) -> None:
        users = ["pipeline", *(user for user in USERS if f"s3_{user}_access_key" in place.secrets)]
        provision_store(address(place, "operator"), users={user: address(place, user).keys for user in users})


def find_minio() -> Path:
    """The server's program: where TAPEHOUSE_MINIO says, else where `make minio` leaves it."""
    named = os.environ.get(NAMED_BY)
    binary = Path(named) if named else BINARY
    if not os.access(binary, os.X_OK) or binary.is_dir():
        raise ServiceError(
            "there is no MinIO to start",
            found=f"no program {binary}",
            remedy=f"run `make minio`, which builds it with Go, or set {NAMED_BY} to one that you have",
        )
    return binary
