"""docker/.env and docker/secrets: for their owner alone, made once, and complete after an update."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docker.container_files import DOCKER, ROOT, read_env, write_env


def secrets(env: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in (env.parent / "secrets").iterdir()}


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_other_users_of_the_machine_are_kept_out_and_containers_are_not(tmp_path: Path) -> None:
    write_env(tmp_path / ".env")
    folder = tmp_path / "secrets"
    assert (mode(tmp_path / ".env"), mode(folder)) == (0o600, 0o700)
    by_user = {"alphavantage_api_key", "tapehouse_alert_webhook"}
    assert {file.name: mode(file) for file in folder.iterdir()} == {
        name: 0o644 if name in by_user else 0o444 for name in secrets(tmp_path / ".env")
    }


def test_repeated_it_changes_nothing(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    first = write_env(env), secrets(env)
    assert (write_env(env), secrets(env)) == first


def test_what_is_missing_is_added_and_what_somebody_wrote_stays(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("# mine\nAIRFLOW_PORT=18080\n")
    assert write_env(env)["AIRFLOW_PORT"] == "18080"
    (tmp_path / "secrets" / "alphavantage_api_key").write_text("mine\n")
    write_env(env)
    assert secrets(env)["alphavantage_api_key"] == "mine\n"
    assert env.read_text().startswith("# mine\n")


def test_secrets_of_an_older_file_are_moved_and_not_lost(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text('LEDGER_PASSWORD=chosen\nALPHAVANTAGE_API_KEY="key"\n')
    assert not {"LEDGER_PASSWORD", "ALPHAVANTAGE_API_KEY"} & write_env(env).keys()
    assert (secrets(env)["ledger_password"], secrets(env)["alphavantage_api_key"]) == ("chosen", "key")


def test_two_values_of_a_secret_are_refused(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    write_env(env)
    env.write_text("LEDGER_PASSWORD=another\n")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        write_env(env)
    assert b"found: two different values" in refused.value.stderr
    assert env.read_text() == "LEDGER_PASSWORD=another\n"


def test_a_file_that_containers_could_not_read_is_named(tmp_path: Path) -> None:
    for name in ("docker/prometheus", "docker/alertmanager", "docker/grafana", "conf"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("make_env.py", "images.env"):
        shutil.copy(DOCKER / name, tmp_path / "docker")
    (tmp_path / "conf" / "budgets.yaml").touch(0o600)
    command = [sys.executable, str(tmp_path / "docker" / "make_env.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "only for their owner: conf/budgets.yaml\n" in done.stderr) == (2, True)
    assert not (tmp_path / "docker" / "secrets").exists()


def test_images_are_taken_anew_only_when_asked_for(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("BASE_IMAGE=tapehouse-base\n")
    assert write_env(env)["BASE_IMAGE"] == "tapehouse-base"
    assert write_env(env, "--images")["BASE_IMAGE"] == read_env(DOCKER / "images.env")["BASE_IMAGE"]


def test_no_two_secrets_are_alike_and_none_is_in_another_folder(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        write_env(tmp_path / name / ".env")
    one, other = secrets(tmp_path / "one" / ".env"), secrets(tmp_path / "other" / ".env")
    different = {name for name in one if one[name] != other[name]}
    assert len({one[name] for name in different}) == len(different) == 28


@pytest.mark.parametrize("name", ["docker/.env", "docker/secrets/ledger_password", "docker/tls/ca.key"])
def test_git_does_not_take_it(name: str) -> None:
    asked = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
    if asked.returncode == 128:
        pytest.skip("this is no checkout of git")
    assert asked.returncode == 0
