"""What the tests of the containers read: Compose's files, and the environment that docker/make_env.py writes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
COMPOSE, ZOOKEEPER = DOCKER / "compose.yaml", DOCKER / "compose.zookeeper.yaml"


def services(*files: Path) -> dict[str, Any]:
    """The services of each file under its own name, ours with all that they take over from anchors."""
    found: dict[str, Any] = {}
    for file in files:
        found |= {
            f"{file.name}: {name}": one for name, one in yaml.safe_load(file.read_text())["services"].items()
        }
    return found


def write_env(file: Path, *options: str) -> dict[str, str]:
    """Run docker/make_env.py; what the file then says."""
    command = [sys.executable, str(DOCKER / "make_env.py"), "--file", str(file), *options]
    subprocess.run(command, check=True, capture_output=True)
    return read_env(file)


def read_env(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)
