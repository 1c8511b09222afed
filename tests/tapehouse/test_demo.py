"""The demo as a process in a checkout of its own, beside the services of the run; CI runs it to its end."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapehouse.paths import JARS, ROOT, SETUP_RECORD, VENV
from tests.processes import are_gone, wait_for

DEMO = ("-m", "tapehouse", "demo", "--minutes", "2")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of this checkout that is set up already."""
    copy = tmp_path / "copy"
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(lambda name: (ROOT / name).exists(), files.stdout.splitlines()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    (copy / ".tapehouse").mkdir()
    (copy / ".venv").symlink_to(VENV)
    (copy / ".tapehouse" / "jars").symlink_to(JARS)
    shutil.copy(SETUP_RECORD, copy / ".tapehouse" / SETUP_RECORD.name)
    yield copy
    python(copy, "-m", "tapehouse", "down").wait(180)
    remove = "import shutil; from tapehouse.paths import *; shutil.rmtree(outside(DEMO).parent, ignore_errors=True)"
    python(copy, "-c", remove).wait(120)


def python(checkout: Path, *arguments: str, output: int | None = None) -> "subprocess.Popen[bytes]":
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), "HOME": str(checkout)}
    command = [checkout / ".venv" / "bin" / "python", *arguments]
    return subprocess.Popen(command, cwd=checkout, env=environment, stdout=output, stderr=output)


@pytest.mark.longest
def test_ctrl_c_pressed_twice_leaves_nothing_running_and_a_second_demo_is_refused(checkout: Path) -> None:
    log, record = checkout / "demo.log", checkout / ".tapehouse" / "demo" / "instance.json"
    with log.open("wb") as output:
        demo = python(checkout, *DEMO, output=output.fileno())
    try:
        wait_for(lambda: b"[2/8]" in log.read_bytes(), demo)
        started = json.loads(record.read_text())["processes"]
        assert set(started) == {"postgres", "store", "kafka", "stream_quotes"}
        second = python(checkout, *DEMO, output=subprocess.PIPE)
        assert f"found: pid {demo.pid}".encode() in second.communicate(timeout=120)[1]
        assert second.returncode == 2
        demo.send_signal(signal.SIGINT)
        time.sleep(0.5)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(180) == 130, log.read_text()
    finally:
        if demo.poll() is None:
            demo.kill()
    assert are_gone(*(process["pid"] for process in started.values()))
    assert json.loads(record.read_text())["processes"] == {}
    of_this_checkout = [
        folder.name
        for folder in Path("/proc").glob("[0-9]*")
        if str(checkout).encode() in _command_line(folder)
    ]
    assert of_this_checkout == []


def _command_line(folder: Path) -> bytes:
    try:
        return (folder / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
