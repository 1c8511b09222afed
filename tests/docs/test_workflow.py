"""What a host runs is what .ci/run runs, and what the page says of it."""

import os
import re

import yaml

from tapehouse.paths import ROOT
from tests.docs.pages import DOCS, blocks

RUN = ROOT / ".ci" / "run"
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())
STEPS = {name: job["steps"] for name, job in WORKFLOW["jobs"].items()}


def test_the_workflow_runs_the_very_script() -> None:
    assert [step["run"] for step in STEPS["tests"] if "run" in step] == [".ci/run"]
    assert os.access(RUN, os.X_OK)


def test_the_page_names_the_targets_of_the_script_in_their_order() -> None:
    targets = list(dict.fromkeys(re.findall(r"^make ([a-z-]+)", RUN.read_text(), re.MULTILINE)))
    told = re.findall(r"^make ([a-z-]+)", blocks(DOCS / "contributing.md")[-1], re.MULTILINE)
    assert told == targets


def test_a_file_that_the_workflow_runs_or_gives_is_there() -> None:
    lines = [step["run"] for steps in STEPS.values() for step in steps if "run" in step]
    files = {word for line in lines for word in line.split() if re.fullmatch(r"\.?\w+/[\w./-]+", word)}
    assert files >= {".ci/run", "docker/compose.yaml", "docker/compose.zookeeper.yaml", "docker/make_env.py"}
    assert [file for file in sorted(files) if not (ROOT / file).exists()] == []


def test_an_action_is_named_by_its_commit_and_may_only_read() -> None:
    used = [step["uses"] for steps in STEPS.values() for step in steps if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)
    assert WORKFLOW["permissions"] == {"contents": "read"}
