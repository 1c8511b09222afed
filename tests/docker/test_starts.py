"""The scripts that containers start by: secrets go into files of their owner, and no program inherits them."""

import configparser
import os
import re
import shutil
import stat
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tapehouse.services import airflow_files
from tapehouse.services.service import Place
from tests.docker.container_files import DOCKER

OF_AIRFLOW = {
    "AIRFLOW_DB_PASSWORD": "secret-of-database",
    "AIRFLOW_FERNET_KEY": "secret-of-fernet",
    "AIRFLOW_JWT_SECRET": "secret-of-tokens",
    "AIRFLOW_API_SECRET": "secret-of-sessions",
    "AIRFLOW_ADMIN_PASSWORD": "secret-of-admin",
}


def start(script: str, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    told = {"PATH": os.environ["PATH"]} | environment
    words = ["sh", str(DOCKER / script), *command]
    return subprocess.run(words, env=told, capture_output=True, text=True, check=False)


def private(file: Path) -> str:
    """What is in a file that nobody but its owner reads."""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return file.read_text()


@pytest.fixture
def airflow(tmp_path: Path) -> dict[str, str]:
    """A home, and a program `airflow` that says what it was started with."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "airflow"
    program.write_text('#!/bin/sh\necho "arguments: $*"\nenv\n')
    program.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {"AIRFLOW_HOME": str(home), "PATH": path, "TMPDIR": str(tmp_path)}


@pytest.mark.parametrize("bad", ['a"b', "a/b", "a%b", "a@b", "a\nb"])
def test_a_secret_that_would_mean_something_where_it_is_put_is_refused(
    airflow: dict[str, str], bad: str
) -> None:
    done = start("airflow/start.sh", "version", **airflow, **OF_AIRFLOW | {"AIRFLOW_ADMIN_PASSWORD": bad})
    assert done.returncode == 2
    assert "error: AIRFLOW_ADMIN_PASSWORD cannot be used" in done.stderr
    assert bad not in done.stderr


@pytest.fixture
def spark(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "spark-conf"
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text("spark.authenticate true\n")
    return {"SPARK_CONF_DIR": str(folder), "TMPDIR": str(tmp_path)}


@pytest.mark.skipif(
    not shutil.which("shellcheck"), reason="no shellcheck: it runs where Debian's package is installed"
)
def test_the_scripts_have_no_finding_of_shellcheck() -> None:
    scripts = sorted(DOCKER.rglob("*.sh"))
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert (bool(scripts), done.stdout) == (True, "")


def test_what_spark_starts_finds_the_secret_in_a_file_and_not_in_its_environment(
    spark: dict[str, str],
) -> None:
    done = start("spark/start.sh", "env", SPARK_SECRET="of-this-cluster", **spark)
    assert (done.returncode, "of-this-cluster" in done.stdout) == (0, False)
    folder = Path(re.findall(r"(?m)^SPARK_CONF_DIR=(.+)$", done.stdout)[0])
    assert private(folder / "spark-defaults.conf") == (
        "spark.authenticate true\n\nspark.authenticate.secret of-this-cluster\n"
    )


def test_a_secret_in_a_file_is_read_and_an_empty_file_is_none(spark: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("of-this-cluster")
    done = start("spark/start.sh", "env", SPARK_SECRET_FILE=str(file), **spark)
    assert (done.returncode, "SPARK_SECRET" in done.stdout) == (0, False)
    assert f"SPARK_CONF_DIR={tmp_path}/tmp." in done.stdout
    file.write_text("")
    done = start("spark/start.sh", "env", SPARK_SECRET_FILE=str(file), **spark)
    assert f"SPARK_CONF_DIR={spark['SPARK_CONF_DIR']}\n" in done.stdout


def test_what_a_link_leads_to_is_made_on_a_volume_that_lacks_it(tmp_path: Path) -> None:
    (tmp_path / "docker" / "spark").mkdir(parents=True)
    for name in ("read_secrets.sh", "spark/start.sh"):
        shutil.copy(DOCKER / name, tmp_path / "docker" / name)
    (tmp_path / ".tapehouse").mkdir()
    (tmp_path / ".tapehouse" / "known").symlink_to(tmp_path / "state" / "known")
    subprocess.run(["sh", str(tmp_path / "docker" / "spark" / "start.sh"), "true"], check=True)
    assert (tmp_path / ".tapehouse" / "known").is_dir()


def test_without_a_secret_spark_is_told_none(spark: dict[str, str]) -> None:
    done = start("spark/start.sh", "env", **spark)
    assert f"SPARK_CONF_DIR={spark['SPARK_CONF_DIR']}" in done.stdout


def test_airflow_has_its_secrets_in_files_and_its_tasks_inherit_none(airflow: dict[str, str]) -> None:
    done = start("airflow/start.sh", "scheduler", "--skip-serve-logs", **airflow, **OF_AIRFLOW)
    assert done.stdout.startswith("arguments: scheduler --skip-serve-logs\n")
    assert "secret-of-" not in done.stdout + done.stderr
    home = Path(airflow["AIRFLOW_HOME"])
    said = private(home / "airflow.cfg") + private(home / "passwords.json")
    assert [secret for secret in OF_AIRFLOW.values() if secret not in said] == []


def test_airflow_takes_its_secrets_from_files(airflow: dict[str, str], tmp_path: Path) -> None:
    named = {}
    for name, value in OF_AIRFLOW.items():
        (tmp_path / name).write_text(value)
        named[f"{name}_FILE"] = str(tmp_path / name)
    done = start("airflow/start.sh", "scheduler", **airflow, **named)
    assert (done.returncode, "_FILE=" in done.stdout) == (0, False)
    home = Path(airflow["AIRFLOW_HOME"])
    said = private(home / "airflow.cfg") + private(home / "passwords.json")
    assert [secret for secret in OF_AIRFLOW.values() if secret not in said] == []


def test_airflow_without_a_secret_does_not_start(airflow: dict[str, str]) -> None:
    told = {name: value for name, value in OF_AIRFLOW.items() if name != "AIRFLOW_JWT_SECRET"}
    done = start("airflow/start.sh", "scheduler", **airflow, **told)
    assert done.returncode == 2
    assert "found: nothing for AIRFLOW_JWT_SECRET\n" in done.stderr


def test_airflow_is_told_the_same_as_beside_a_checkout(airflow: dict[str, str]) -> None:
    start("airflow/start.sh", "version", **airflow)
    here, there = (configparser.ConfigParser(interpolation=None) for _ in range(2))
    here.read(Path(airflow["AIRFLOW_HOME"]) / "airflow.cfg")
    place = Place(Path(), defaultdict(int), defaultdict(str), Path(), Path())
    there.read_dict(airflow_files._configuration(Path(), place, "http://127.0.0.1:1"))
    assert {name: set(here[name]) for name in here} == {name: set(there[name]) for name in there}
    same = [
        ("core", name) for name in ("executor", "parallelism", "default_task_retry_delay", "load_examples")
    ]
    same += [("dag_processor", name) for name in there["dag_processor"]]
    assert [
        (here[part][name], there[part][name]) for part, name in same if here[part][name] != there[part][name]
    ] == []


def test_a_broker_in_a_container_is_set_as_one_on_a_laptop() -> None:
    ours, laptops = (
        dict(re.findall(r"^([\w.]+)=(.*)$", (DOCKER / name).read_text(), re.MULTILINE))
        for name in ("kafka/broker.properties", "local/kafka/server.properties")
    )
    same = {name for name in ours.keys() & laptops.keys() if "${" not in ours[name] + laptops[name]}
    assert len(same) >= 8
    assert {name: ours[name] for name in same} == {name: laptops[name] for name in same}
