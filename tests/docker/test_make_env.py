"""docker/.env: for its owner alone, made once, and complete after an update."""

import stat
import subprocess
from pathlib import Path

import pytest

from tests.docker.container_files import DOCKER, ROOT, read_env, write_env


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    write_env(tmp_path / ".env")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_repeated_it_changes_nothing(tmp_path: Path) -> None:
    first = write_env(tmp_path / ".env")
    assert write_env(tmp_path / ".env") == first


def test_what_is_missing_is_added_and_what_somebody_wrote_stays(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("# mine\nAIRFLOW_PORT=18080\nLEDGER_PASSWORD=chosen\n")
    said = write_env(env)
    assert (said["AIRFLOW_PORT"], said["LEDGER_PASSWORD"]) == ("18080", "chosen")
    assert len(said["KAFKA_ADMIN_PASSWORD"]) == 40
    assert env.read_text().startswith("# mine\n")


def test_images_are_taken_anew_only_when_asked_for(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("BASE_IMAGE=tapehouse-base\n")
    assert write_env(env)["BASE_IMAGE"] == "tapehouse-base"
    assert write_env(env, "--images")["BASE_IMAGE"] == read_env(DOCKER / "images.env")["BASE_IMAGE"]


def test_no_two_secrets_are_alike_and_none_is_in_another_file(tmp_path: Path) -> None:
    one, other = write_env(tmp_path / "one"), write_env(tmp_path / "other")
    secret = {name for name in one if one[name] != other[name]}
    assert len({one[name] for name in secret}) == len(secret) == 27


def test_git_does_not_take_it() -> None:
    asked = subprocess.run(["git", "check-ignore", "-q", "docker/.env"], cwd=ROOT, check=False)
    if asked.returncode == 128:
        pytest.skip("this is no checkout of git")
    assert asked.returncode == 0
