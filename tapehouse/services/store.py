"""The embedded S3 store: SeaweedFS in one process, with two accounts of generated keys."""

import json
import os
import signal
from typing import Any

from tapehouse.paths import VENV
from tapehouse.provisioning.store import BUCKETS, REALTIME, Keys, StoreAddress
from tapehouse.services import processes
from tapehouse.services.service import Place

PARTS = ("s3", "master", "volume", "filer", "admin")


class Store:
    """`weed mini` on loopback. Its account `pipeline` reads and writes the three buckets and nothing else."""

    name = "store"
    port_names = tuple(f"{part}{kind}" for part in PARTS for kind in ("", "_grpc"))
    patience = 10.0
    stop_signal = signal.SIGTERM

    def start(self, place: Place) -> processes.Started:
        folder = place.data("store")
        accounts = folder / "accounts.json"
        accounts.touch(mode=0o600)
        accounts.write_text(json.dumps({"identities": [_operator(place), _pipeline(place)]}))
        ports = [f"-{part}.port={place.ports[part]}" for part in PARTS]
        ports += [f"-{part}.port.grpc={place.ports[part + '_grpc']}" for part in PARTS]
        return processes.start(
            [
                str(VENV / "bin" / "weed"),
                "-logtostderr=true",
                "mini",
                f"-dir={folder}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-master.telemetry=false",
                "-webdav=false",
                "-admin.ui=false",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-s3.config={accounts}",
                *ports,
            ],
            log=place.log(self.name),
            folder=folder,
            environment={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
        )

    def check(self, place: Place) -> None:
        check_store(place)

    def prepare(self, place: Place) -> None:
        client = s3_client(place, operator=True)
        there = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        for bucket in BUCKETS:
            if bucket not in there:
                client.create_bucket(Bucket=bucket)


def check_store(place: Place) -> None:
    """Ready is not when it answers, but when it keeps: put, get and delete one object."""
    client = s3_client(place, operator=True)
    if REALTIME not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=REALTIME)
    client.put_object(Bucket=REALTIME, Key="probe/readiness", Body=b"ready")
    client.get_object(Bucket=REALTIME, Key="probe/readiness")["Body"].read()
    client.delete_object(Bucket=REALTIME, Key="probe/readiness")


def endpoint(place: Place) -> str:
    return f"http://127.0.0.1:{place.ports['s3']}"


def s3_client(place: Place, *, operator: bool = False) -> Any:
    """An S3 client of this instance, as the account that makes buckets or as the pipeline's."""
    return address(place, "operator" if operator else "pipeline").client()


def address(place: Place, user: str) -> StoreAddress:
    """The store of this instance, and the keys of one of its users."""
    access, secret = place.secrets[f"s3_{user}_access_key"], place.secrets[f"s3_{user}_secret_key"]
    return StoreAddress(endpoint(place), Keys(access, secret))


def _operator(place: Place) -> dict[str, object]:
    return _identity(place, "operator", ["Admin", "Read", "Write", "List"])


def _pipeline(place: Place) -> dict[str, object]:
    return _identity(
        place, "pipeline", [f"{act}:{bucket}" for bucket in BUCKETS for act in ("Read", "Write", "List")]
    )


def _identity(place: Place, name: str, actions: list[str]) -> dict[str, object]:
    keys = {
        "accessKey": place.secrets[f"s3_{name}_access_key"],
        "secretKey": place.secrets[f"s3_{name}_secret_key"],
    }
    return {"name": name, "credentials": [keys], "actions": actions}
