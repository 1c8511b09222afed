"""docker/.env and docker/secrets: for their owner alone, made once, and complete after an update."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.container_files import DOCKER, ROOT, read_env, write_env


def secrets_of(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted((folder / "secrets").iterdir())}


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_only_its_owner_comes_to_the_secrets_which_containers_read_as_other_users(tmp_path: Path) -> None:
    write_env(tmp_path / ".env")
    assert (mode(tmp_path / ".env"), mode(tmp_path / "secrets")) == (0o600, 0o700)
    files = {file.name: mode(file) for file in (tmp_path / "secrets").iterdir()}
    filled_in = {"alphavantage_api_key": 0o644, "tapehouse_alert_webhook": 0o644}
    assert files == dict.fromkeys(files, 0o444) | filled_in


def test_repeated_it_changes_nothing(tmp_path: Path) -> None:
    first, secrets = write_env(tmp_path / ".env"), secrets_of(tmp_path)
    assert (write_env(tmp_path / ".env"), secrets_of(tmp_path)) == (first, secrets)


def test_what_is_missing_is_added_and_what_somebody_wrote_stays(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("# mine\nAIRFLOW_PORT=18080\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ledger_password").write_text("chosen")
    assert write_env(env)["AIRFLOW_PORT"] == "18080"
    found = secrets_of(tmp_path)
    assert (found["ledger_password"], len(found["kafka_admin_password"])) == ("chosen", 40)
    assert found["alphavantage_api_key"] == ""
    assert env.read_text().startswith("# mine\n")


def test_a_secret_of_an_older_file_is_moved(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("LEDGER_PASSWORD=chosen\nALPHAVANTAGE_API_KEY='mine'\n")
    assert {"LEDGER_PASSWORD", "ALPHAVANTAGE_API_KEY"}.isdisjoint(write_env(env))
    found = secrets_of(tmp_path)
    assert (found["ledger_password"], found["alphavantage_api_key"]) == ("chosen", "mine")


def test_two_values_of_a_secret_are_refused(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    write_env(env)
    env.write_text(env.read_text() + "LEDGER_PASSWORD=another\n")
    command = [sys.executable, str(DOCKER / "make_env.py"), "--file", str(env)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error: LEDGER_PASSWORD stands in .env and in" in done.stderr
    assert "another" not in done.stderr


def test_images_are_taken_anew_only_when_asked_for(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("BASE_IMAGE=tapehouse-base\n")
    assert write_env(env)["BASE_IMAGE"] == "tapehouse-base"
    assert write_env(env, "--images")["BASE_IMAGE"] == read_env(DOCKER / "images.env")["BASE_IMAGE"]


def test_no_two_secrets_are_alike_and_none_is_in_another_file(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
        write_env(folder / ".env")
    values = [value for folder in folders for value in secrets_of(folder).values() if value]
    assert len(set(values)) == len(values) == 2 * 28
    env = (folders[0] / ".env").read_text()
    assert not any(value in env for value in values)


@pytest.mark.parametrize("name", ["docker/.env", "docker/secrets/ledger_password", "docker/tls/ca.key"])
def test_git_does_not_take_it(name: str) -> None:
    asked = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
    if asked.returncode == 128:
        pytest.skip("this is no checkout of git")
    assert asked.returncode == 0
