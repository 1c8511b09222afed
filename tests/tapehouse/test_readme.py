"""What the README lets a stranger type after the demo, typed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tapehouse.delta import attach, connect
from tapehouse.demo_summary import FINAL_BAR, explain_command
from tests.docs.pages import README, blocks
from tests.stack import Stack, call

PROGRAM = ".venv/bin/tapehouse"
(BLOCK,) = [block for block in blocks(README) if "make demo KEEP=1" in block]
LINES = [shlex.split(line, comments=True)[1:] for line in BLOCK.splitlines() if line.startswith(PROGRAM)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture
def loaded(lake: Stack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The small lakehouse, and gold in a warehouse, as the demo leaves them."""
    monkeypatch.setenv("TAPEHOUSE_WAREHOUSE_FOLDER", str(folder))
    assert call("load", "--all")[0] == 0
    return lake


def test_it_goes_from_the_bars_to_the_warehouse_the_offsets_and_the_proof() -> None:
    assert [words[0] for words in LINES] == ["sql", "sql", "sql", "explain", "verify", "reconcile", "status"]


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_each_answers(words: list[str], loaded: Stack) -> None:
    if words[0] == "explain":
        assert re.fullmatch(r"explain [A-Z]+ \d{4}-\d\d-\d\dT\d\d:\d\dZ", " ".join(words))
        # a minute of this lakehouse, as the demo's last line has one of its own
        connection = connect()
        attach(connection, loaded.settings, versions={})
        (bar,) = connection.execute(FINAL_BAR).fetchall()
        words = explain_command(*bar).split()[1:]
    code, out, err = call(*words)
    # what other tests left open in the ledger is no concern of these tables
    assert code == 0 or (code == 1 and words[0] == "status"), err
    assert {
        "sql": "rows",
        "explain": loaded.topic,
        "verify": "gold's bars are those worked out afresh from bronze",
        "reconcile": "gold.bars_1m",
        "status": "gold.bars_1m",
    }[words[0]] in out
