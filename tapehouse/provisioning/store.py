"""Buckets of an S3 store, and at MinIO one user for each service with what it needs and no more. Safe to repeat."""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.lake.errors import ServiceError
from tapehouse.paths import ROOT

if TYPE_CHECKING:
    from minio import MinioAdmin

RAW, REALTIME, PROCESSED = BUCKETS = ("raw", "realtime", "processed")
USERS = ("stream", "ingest", "batch", "reader")
POLICIES = ROOT / "docker" / "minio" / "policies"
NOT_LET_IN = ("InvalidAccessKeyId", "SignatureDoesNotMatch")


@dataclass(frozen=True)
class Keys:
    """What a user shows to the store: the access key is its name there."""

    access: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class StoreAddress:
    """A store, and who speaks to it."""

    endpoint: str
    keys: Keys
    region: str = "us-east-1"

    def client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.keys.access,
            aws_secret_access_key=self.keys.secret,
            config=Config(
                s3={"addressing_style": "path"},
                connect_timeout=2,
                read_timeout=15,
                retries={"total_max_attempts": 2},
            ),
        )

    def admin(self) -> "MinioAdmin":
        from minio import MinioAdmin
        from minio.credentials.providers import StaticProvider
        from urllib3 import PoolManager, Retry, Timeout

        there = urlsplit(self.endpoint)
        return MinioAdmin(
            endpoint=there.netloc,
            credentials=StaticProvider(self.keys.access, self.keys.secret),
            region=self.region,
            secure=there.scheme == "https",
            http_client=PoolManager(timeout=Timeout(connect=2, read=15), retries=Retry(1)),
        )

    def is_let_in(self) -> bool:
        """Whether the store knows these keys, whatever they may do."""
        from botocore.exceptions import ClientError

        try:
            self.client().list_buckets()
        except ClientError as error:
            return error.response["Error"]["Code"] not in NOT_LET_IN
        return True


def provision_store(
    root: StoreAddress, *, users: Mapping[str, Keys], stream_by_batch: bool = False
) -> list[str]:
    """Make the buckets, and the users with their policies; a line for each thing that was made or changed.

    A user whose secret is another one than before gets it. Each user has its policy of docker/minio/policies, no other;
    with `stream_by_batch`, where Airflow owns the stream too, `batch` has that of `stream` beside its own.
    """
    with _understood(root):
        admin = root.admin()
        policies, known = json.loads(admin.policy_list()), json.loads(admin.user_list())
        lines = [*_make_buckets(root.client())]
        for name in users:
            lines += _make_policy(admin, name, policies)
        for name, keys in users.items():
            wanted = {name, "stream"} if name == "batch" and stream_by_batch else {name}
            lines += _make_user(admin, name, replace(root, keys=keys), known.get(keys.access, {}), wanted)
    return lines


def policy_of(user: str) -> dict[str, Any]:
    """What a user may do, as the file says it."""
    return dict(json.loads((POLICIES / f"{user}.json").read_text()))


def _make_buckets(client: Any) -> Iterator[str]:
    there = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    for bucket in BUCKETS:
        if bucket not in there:
            client.create_bucket(Bucket=bucket)
            yield f"bucket {bucket}: made"
    # MinIO's policies cannot say "only where nothing is": who writes over evidence does not get rid of it
    if client.get_bucket_versioning(Bucket=RAW).get("Status") != "Enabled":
        client.put_bucket_versioning(Bucket=RAW, VersioningConfiguration={"Status": "Enabled"})
        yield f"bucket {RAW}: keeps every version of an object"


def _make_policy(admin: "MinioAdmin", user: str, there: Mapping[str, Any]) -> Iterator[str]:
    name, wanted = _policy_name(user), policy_of(user)
    if name not in there or _in_order(there[name]) != _in_order(wanted):
        admin.policy_add(name, policy=wanted)
        yield f"policy {name}: {'another text' if name in there else 'made'}"


def _make_user(
    admin: "MinioAdmin", name: str, user: StoreAddress, told: Mapping[str, str], policies: Iterable[str]
) -> Iterator[str]:
    if told.get("status") == "disabled":
        yield f"user {name}: is disabled, and stays so"
    elif not (told and user.is_let_in()):
        admin.user_add(user.keys.access, user.keys.secret)
        yield f"user {name}: {'another secret' if told else 'made'}"
    wanted = sorted(map(_policy_name, policies))
    if sorted(told.get("policyName", "").split(",")) != wanted:
        admin.policy_set(",".join(wanted), user=user.keys.access)
        yield f"user {name}: has the policy {' and '.join(wanted)}"


def _policy_name(user: str) -> str:
    return f"tapehouse-{user}"


def _in_order(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy, without the order in which MinIO tells sets."""
    return [
        {name: sorted(value) if isinstance(value, list) else value for name, value in statement.items()}
        for statement in policy["Statement"]
    ]


@contextmanager
def _understood(root: StoreAddress) -> Generator[None, None, None]:
    """Around what is asked of the store: its refusals as errors that say what to do."""
    from botocore.exceptions import BotoCoreError, ClientError
    from minio.error import MinioAdminException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (BotoCoreError, HTTPError) as error:
        raise ServiceError(
            f"the S3 store at {root.endpoint} does not answer",
            found=str(error)[:300],
            remedy="start it, or correct AWS_ENDPOINT_URL",
        ) from error
    except (ClientError, MinioAdminException) as error:
        raise ServiceError(
            f"the S3 store at {root.endpoint} did not do what its root asked for",
            found=str(error)[:300],
            remedy="correct what it says: MINIO_ROOT_USER and MINIO_ROOT_PASSWORD are what MinIO was started with, an "
            "access key has 3 characters at least, a secret key 8",
        ) from error
