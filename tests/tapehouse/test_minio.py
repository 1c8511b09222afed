"""MinIO as a service of an instance: on loopback, with its secrets hidden, its objects kept after kill -9."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.lake.errors import ServiceError
from tapehouse.provisioning.store import BUCKETS
from tapehouse.services import minio as service
from tapehouse.services.store import s3_client
from tapehouse.setup import minio as build
from tapehouse.setup.errors import SetupError
from tests.faults.airflow_eyes import others_can_not_come_in
from tests.own_minio import OwnMinio, own_minio


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnMinio]:
    with own_minio(tmp_path_factory.mktemp("minio")) as made:
        yield made


def test_it_listens_on_loopback_alone(minio: OwnMinio) -> None:
    assert minio.process
    others_can_not_come_in([minio.process.pid])


def test_no_secret_is_in_its_command_line_or_its_log(minio: OwnMinio) -> None:
    assert minio.process
    command = Path(f"/proc/{minio.process.pid}/cmdline").read_text()
    log = minio.place.log("store").read_text(errors="replace")
    assert [name for name, secret in minio.place.secrets.items() if secret in command + log] == []


def test_only_the_owner_comes_into_its_folder_where_the_users_secrets_are(minio: OwnMinio) -> None:
    folder = minio.place.data("minio")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secret = minio.place.secrets["s3_reader_secret_key"].encode()
    assert any(secret in file.read_bytes() for file in (folder / ".minio.sys").rglob("xl.meta"))


def test_what_was_written_is_there_after_kill_9(minio: OwnMinio) -> None:
    for bucket in BUCKETS:
        s3_client(minio.place).put_object(Bucket=bucket, Key="kept", Body=b"bytes")
    minio.kill()
    minio.start()
    for bucket in BUCKETS:
        assert s3_client(minio.place).get_object(Bucket=bucket, Key="kept")["Body"].read() == b"bytes"


def test_without_the_program_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(service.NAMED_BY, str(tmp_path / "minio"))
    with pytest.raises(ServiceError, match=r"no MinIO to start(.*\n)*.*make minio"):
        service.find_minio()
    monkeypatch.delenv(service.NAMED_BY)
    monkeypatch.setattr(service, "BINARY", tmp_path)
    with pytest.raises(ServiceError, match="no program"):
        service.find_minio()


def test_without_go_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"no program `go`(.*\n)*.*install Go"):
        build.build()


def test_what_was_built_already_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "minio").touch()
    (tmp_path / "version").write_text("v1")
    with pytest.raises(SetupError):
        build.build()
    (tmp_path / "version").write_text(build.VERSION)
    assert "is there" in build.build()
