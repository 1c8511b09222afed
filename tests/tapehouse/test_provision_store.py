"""MinIO's users: each does what its service does, and nothing else; made again, nothing changes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jobs.lake.errors import ServiceError
from jobs.lake.history_tables import HISTORY_TABLES
from jobs.lake.settings import Settings
from jobs.lake.tables import STREAM_TABLES, Table
from tapehouse.provisioning.store import BUCKETS, USERS, Keys, policy_of, provision_store
from tests.own_minio import OwnMinio, own_minio
from tests.stack import call

# objects that are there, one of each kind
RAW, BRONZE, SILVER = "raw/history/there", "realtime/bronze/quotes/there", "realtime/silver/quotes/there"
BARS, LOG, DAYS = (f"processed/gold/{table}/there" for table in ("bars_1m", "bars_1m_log", "bars_1d"))
GAPS, HISTORY = "processed/gold/gaps/there", "processed/bronze/history/there"
THERE = (RAW, BRONZE, SILVER, BARS, LOG, DAYS, GAPS, HISTORY)
OF_STREAM = (BRONZE, SILVER, BARS, LOG)
OF_BATCH = (DAYS, GAPS, HISTORY)

READS = {"stream": OF_STREAM, "ingest": (RAW, BARS, LOG, GAPS), "batch": THERE, "reader": THERE}
WRITES = {"stream": OF_STREAM, "ingest": (RAW,), "batch": (RAW, *OF_BATCH), "reader": ()}
DELETES = {"stream": OF_STREAM, "ingest": (), "batch": OF_BATCH, "reader": ()}
LISTS = {
    "stream": ("realtime", "processed"),
    "ingest": ("raw", "processed"),
    "batch": ("raw", "realtime", "processed"),
    "reader": ("raw", "realtime", "processed"),
}


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnMinio]:
    with own_minio(tmp_path_factory.mktemp("minio")) as made:
        for path in THERE:
            made.client("operator").put_object(**_place(path), Body=b"there")
        yield made


@pytest.mark.parametrize("user", USERS)
def test_a_user_reads_what_its_service_reads_and_nothing_else(minio: OwnMinio, user: str) -> None:
    client = minio.client(user)
    assert {path for path in THERE if _may(client.get_object, **_place(path))} == set(READS[user])
    assert tuple(name for name in BUCKETS if _may(client.list_objects_v2, Bucket=name)) == LISTS[user]


@pytest.mark.parametrize("user", USERS)
def test_a_user_writes_what_its_service_writes_and_nothing_else(minio: OwnMinio, user: str) -> None:
    client = minio.client(user)

    def put(path: str) -> None:
        client.put_object(**_place(f"{path}-by-{user}"), Body=b"new", IfNoneMatch="*")

    def put_in_parts(path: str) -> None:
        place = _place(f"{path}-in-parts-by-{user}")
        upload = place | {"UploadId": client.create_multipart_upload(**place)["UploadId"]}
        part = client.upload_part(**upload, PartNumber=1, Body=b"new")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        client.complete_multipart_upload(**upload, MultipartUpload=parts)

    assert {path for path in THERE if _may(put, path)} == set(WRITES[user])
    assert {path for path in THERE if _may(put_in_parts, path)} == set(WRITES[user])


@pytest.mark.parametrize("user", USERS)
def test_a_user_deletes_what_its_service_deletes_and_nothing_of_raw(minio: OwnMinio, user: str) -> None:
    for path in THERE:
        minio.client("operator").put_object(**_place(f"{path}-to-go"), Body=b"old")
    client = minio.client(user)
    deleted = {path for path in THERE if _may(client.delete_object, **_place(f"{path}-to-go"))}
    assert deleted == set(DELETES[user])


@pytest.mark.parametrize(
    ("user", "tables"), [("stream", STREAM_TABLES), ("batch", HISTORY_TABLES)], ids=["stream", "batch"]
)
def test_a_user_writes_every_table_of_its_jobs_and_none_of_the_other(
    user: str, tables: tuple[Table, ...]
) -> None:
    settings = Settings.model_construct(realtime_url="s3://realtime", processed_url="s3://processed")
    written = [
        place.removeprefix("arn:aws:s3:::")
        for statement in policy_of(user)["Statement"]
        for place in statement["Resource"]
        if "s3:DeleteObject" in statement["Action"]
    ]
    for table in (*STREAM_TABLES, *HISTORY_TABLES):
        log = f"{table.url(settings).removeprefix('s3://')}/_delta_log/0.json"
        assert any(fnmatch(log, place) for place in written) == (table in tables), table.name


@pytest.mark.parametrize("user", USERS)
def test_no_user_makes_buckets_or_sees_the_others(minio: OwnMinio, user: str) -> None:
    from minio.error import MinioAdminException

    client, admin = minio.client(user), minio.address(user).admin()
    assert not _may(client.create_bucket, Bucket="another")
    assert not _may(client.delete_bucket, Bucket="realtime")
    suspended = {"Status": "Suspended"}
    assert not _may(client.put_bucket_versioning, Bucket="raw", VersioningConfiguration=suspended)
    keys = minio.address("reader").keys
    for ask in (
        admin.user_list,
        admin.policy_list,
        lambda: admin.user_add("another", "a-secret-of-its-own"),
        lambda: admin.policy_set("readwrite", user=keys.access),
    ):
        with pytest.raises(MinioAdminException, match="Status: 403"):
            ask()


def test_evidence_that_is_written_over_is_kept(minio: OwnMinio) -> None:
    place, ingest, operator = _place("raw/history/evidence"), minio.client("ingest"), minio.client("operator")
    ingest.put_object(**place, Body=b"as received", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        ingest.put_object(**place, Body=b"another", IfNoneMatch="*")
    # without the condition it is taken: MinIO's policies have no word for it
    ingest.put_object(**place, Body=b"forged")
    (_, first) = operator.list_object_versions(Bucket="raw", Prefix=place["Key"])["Versions"]
    version = {"VersionId": first["VersionId"]}
    assert operator.get_object(**place, **version)["Body"].read() == b"as received"
    assert not _may(ingest.delete_object, **place, **version)


def test_a_wrong_secret_is_refused(minio: OwnMinio) -> None:
    reader = minio.address("reader")
    wrong = replace(reader, keys=Keys(reader.keys.access, "not-the-secret-of-it"))
    assert not _may(wrong.client().get_object, **_place(BARS))
    assert not wrong.is_let_in()


def test_made_again_nothing_changes(minio: OwnMinio) -> None:
    operator = minio.address("operator")
    before = operator.admin().user_list()
    assert provision_store(operator, users=minio.users()) == []
    assert operator.admin().user_list() == before


def test_the_command_makes_users_of_the_environment_and_says_what_was_there(
    minio: OwnMinio, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = minio.address("operator")
    told = {
        "AWS_ENDPOINT_URL": root.endpoint,
        "MINIO_ROOT_USER": root.keys.access,
        "MINIO_ROOT_PASSWORD": root.keys.secret,
    }
    told |= {f"S3_{user.upper()}_ACCESS_KEY": keys.access for user, keys in minio.users().items()}
    told |= {f"S3_{user.upper()}_SECRET_KEY": keys.secret for user, keys in minio.users().items()}
    other = {"S3_BATCH_ACCESS_KEY": "other-batch", "S3_BATCH_SECRET_KEY": "a-secret-of-its-own"}
    for name, value in (told | other).items():
        monkeypatch.setenv(name, value)
    assert call("provision", "--only", "store") == (
        0,
        "store: user batch: made\nstore: user batch: has the policy tapehouse-batch\n",
        "",
    )
    assert call("provision", "--only", "store") == (0, "store: all of it was there\n", "")
    code, out, _ = call("provision", "--only", "store", "--json")
    assert (code, json.loads(out)) == (0, {"store": []})


def test_where_airflow_owns_the_stream_batch_writes_its_tables_too(minio: OwnMinio) -> None:
    root, keys = minio.address("operator"), Keys("of-airflow", "a-secret-of-airflow")
    assert provision_store(root, users={"batch": keys}, stream_by_batch=True) == [
        "user batch: made",
        "user batch: has the policy tapehouse-batch and tapehouse-stream",
    ]
    assert provision_store(root, users={"batch": keys}, stream_by_batch=True) == []
    client = replace(root, keys=keys).client()
    assert all(_may(client.put_object, **_place(f"{path}-of-airflow"), Body=b"new") for path in THERE)
    assert not _may(client.delete_object, **_place(RAW))
    assert provision_store(root, users={"batch": keys}) == ["user batch: has the policy tapehouse-batch"]
    assert not _may(client.put_object, **_place(BRONZE), Body=b"new")


def test_what_was_changed_is_put_right_and_another_secret_ends_the_old_one(minio: OwnMinio) -> None:
    root, keys = minio.address("operator"), Keys("another-reader", "the-first-secret")
    assert provision_store(root, users={"reader": keys}) == [
        "user reader: made",
        "user reader: has the policy tapehouse-reader",
    ]
    root.admin().policy_set("readwrite", user=keys.access)
    policy = json.loads(root.admin().policy_info("tapehouse-reader"))
    policy["Statement"][0]["Action"].append("s3:PutObject")
    root.admin().policy_add("tapehouse-reader", policy=policy)
    other = Keys(keys.access, "the-second-secret")
    assert provision_store(root, users={"reader": other}) == [
        "policy tapehouse-reader: another text",
        "user reader: another secret",
        "user reader: has the policy tapehouse-reader",
    ]
    assert not replace(root, keys=keys).is_let_in()
    client = replace(root, keys=other).client()
    assert _may(client.get_object, **_place(BARS))
    assert not _may(client.put_object, **_place(BARS), Body=b"new")


def test_a_user_that_was_disabled_stays_so(minio: OwnMinio) -> None:
    root, keys = minio.address("operator"), Keys("left-reader", "a-secret-that-leaked")
    provision_store(root, users={"reader": keys})
    root.admin().user_disable(keys.access)
    assert provision_store(root, users={"reader": keys}) == ["user reader: is disabled, and stays so"]
    assert not replace(root, keys=keys).is_let_in()


def test_who_is_not_root_or_finds_no_store_is_told_what_to_do(minio: OwnMinio) -> None:
    with pytest.raises(ServiceError, match=r"did not do what its root asked for(.*\n)*.*MINIO_ROOT_USER"):
        provision_store(minio.address("batch"), users=minio.users())
    with pytest.raises(ServiceError, match="secret key length should be between"):
        provision_store(minio.address("operator"), users={"reader": Keys("short-secret", "seven77")})
    nowhere = replace(minio.address("operator"), endpoint="http://127.0.0.1:1")
    with pytest.raises(ServiceError, match=r"does not answer(.*\n)*.*AWS_ENDPOINT_URL"):
        provision_store(nowhere, users={})


def _place(path: str) -> dict[str, str]:
    bucket, _, key = path.partition("/")
    return {"Bucket": bucket, "Key": key}


def _may(ask: Callable[..., Any], *words: Any, **named: Any) -> bool:
    """Whether it is done, or refused with 403; anything else is an error."""
    try:
        ask(*words, **named)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            raise
        return False
    return True
