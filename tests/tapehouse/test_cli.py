"""The command line: help that imports nothing heavy, and errors that say what to do."""

import socket
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from jobs.lake.errors import ServiceError
from jobs.lake.settings import Settings
from tapehouse import context, paths
from tapehouse.cli import COMMANDS
from tapehouse.services import instance as instances
from tapehouse.services import up
from tapehouse.services.instance import Instance
from tapehouse.services.profiles import PROFILES
from tests.stack import call

HEAVY = [
    "pyspark",
    "duckdb",
    "deltalake",
    "pandas",
    "pyarrow",
    "boto3",
    "kafka",
    "rich",
    "pydantic",
    "psycopg2",
    "yaml",
]
OURS = [field.alias for field in Settings.model_fields.values() if field.alias]


@pytest.fixture
def nothing_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No service that the environment or a folder would name."""
    for name in OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(instances, "DEMO", tmp_path / "demo")
    monkeypatch.setattr(instances, "folder_of", tmp_path.joinpath)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_shown_without_importing_anything_heavy(command: str) -> None:
    program = f"""import sys
from tapehouse.cli import main
try:
    main([{command!r}, "--help"])
except SystemExit as end:
    print("heavy:", [name for name in {HEAVY} if name in sys.modules], "code:", end.code)"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert f"usage: tapehouse {command}" in done.stdout
    assert "heavy: [] code: 0" in done.stdout


@pytest.mark.usefixtures("nothing_started")
@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["verify"],
        ["sql", "select 1"],
        ["produce"],
        ["ps"],
        ["env"],
        ["logs", "kafka"],
        ["kill", "store"],
    ],
)
def test_with_nothing_started_a_command_says_how_to_start(arguments: list[str]) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert "nothing is started" in err
    assert "remedy: run `make up`" in err


@pytest.mark.usefixtures("nothing_started")
def test_every_missing_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHOUSE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("TAPEHOUSE_LATENESS_MINUTES", "-3")
    code, _, err = call("status")
    assert code == 2
    for name in ("AWS_ENDPOINT_URL", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "TAPEHOUSE_LATENESS_MINUTES"):
        assert name in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["verify", "--from", "soon"], ["produce", "--late", "2"]]
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    code, _, err = call(*arguments)
    assert code == 2
    assert "usage: tapehouse" in err


def test_a_busy_port_is_named_with_the_remedy(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "local")
    port = instance._place().ports["postgres"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(ServiceError, match=rf"port {port} of postgres is used(.*\n)*.*--forget-ports"):
            instance.start()
    assert not instance.is_up


def test_a_full_disk_is_named_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(instances.shutil, "disk_usage", lambda path: usage(10**12, 10**12, 5 * 1024**2))
    with pytest.raises(ServiceError, match=r"nearly full\nfound: 5 MiB free"):
        Instance(tmp_path / "local").start()


@pytest.mark.usefixtures("nothing_started")
@pytest.mark.parametrize(("running", "told"), [("demo", "a kept demo"), ("cluster", "another profile")])
def test_up_beside_other_services_is_refused(
    running: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "DEMO", tmp_path / "demo")
    monkeypatch.setattr(Instance, "is_up", property(lambda self: self.folder == tmp_path / running))
    code, out, err = call("up", "--profile", "laptop")
    assert (code, out, f"error: the services of {told} are up\nfound: {tmp_path / running}" in err) == (
        2,
        "",
        True,
    )
    assert "make down" in err


def test_the_profiles_that_up_names_are_those_that_there_are() -> None:
    assert list(up.PROFILES) == list(PROFILES)


def test_the_checkouts_folders_are_ignored_by_git() -> None:
    folders = [str(paths.LOCAL), str(paths.DEMO), str(paths.VENV)]
    done = subprocess.run(
        ["git", "check-ignore", *folders], cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == folders
