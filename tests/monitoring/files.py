"""Rules, dashboards and pages as they lie in the checkout."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tapehouse.paths import ROOT

PROMETHEUS = ROOT / "docker" / "prometheus"
ALERTMANAGER = ROOT / "docker" / "alertmanager"
GRAFANA = ROOT / "docker" / "grafana"
PAGE = ROOT / "docs" / "monitoring.md"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
PACKAGES = {"amtool": "prometheus-alertmanager", "prometheus-alertmanager": "prometheus-alertmanager"}


def alerts() -> list[dict[str, Any]]:
    """Every alerting rule."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel, beside its dashboard's uid."""
    for file in DASHBOARDS:
        dashboard = json.loads(file.read_text())
        yield from ((dashboard["uid"], panel) for panel in dashboard["panels"])


def queries() -> list[tuple[str, str]]:
    """Every query of a panel, beside the panel's name."""
    return [
        (f"{uid} / {panel['title']} {target['refId']}", target["expr"])
        for uid, panel in panels()
        for target in panel["targets"]
    ]


def names(expression: str) -> set[str]:
    """The metrics that a query asks for."""
    return set(re.findall(r"\b(?:tapehouse_\w+|up)\b", expression))


def program(name: str) -> str:
    """Where a program is, or the test is skipped with the reason."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed; apt-get install {PACKAGES.get(name, 'prometheus')}")
    return found


def said(*command: str | Path) -> str:
    """What a program says that must succeed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
