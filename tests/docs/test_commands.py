"""Every command that a page names is one that the programs take, with its options."""

import importlib
import re
import sys
from functools import cache

import pytest

from tapehouse.cli import COMMANDS, build_parser
from tapehouse.paths import ROOT
from tests.docs.pages import Said, commands

MAKEFILE = (ROOT / "Makefile").read_text()
# what stands for a value in a text
PLACEHOLDERS = {
    "D": "2026-11-24",
    "DAY": "2026-11-24",
    "THE-DAY-AFTER": "2026-11-25",
    "N": "1",
    "TABLE": "gold.bars_1d",
}


def once(first: str) -> list[Said]:
    """The lines that call a program, each of a page once."""
    return list(dict.fromkeys(commands(first)))


@cache
def options(command: str) -> set[str]:
    _, found = build_parser(options_of=[command])
    return {option for action in found[command]._actions for option in action.option_strings}


@pytest.mark.parametrize("said", once("tapehouse"), ids=str)
def test_a_command_of_tapehouse_is_one_with_these_options(said: Said) -> None:
    command = said.words[0]
    if command in {"airflow", "COMMAND"} or not re.fullmatch(r"[a-z-]+", command):
        return  # Airflow's own, or no command but the name
    assert command in COMMANDS
    words = [PLACEHOLDERS.get(word, word) for word in said.words]
    named = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
    assert named <= options(command)
    if said.is_whole:
        parser, _ = build_parser(options_of=[command])
        parser.parse_args(words)


@pytest.mark.parametrize("said", once("make"), ids=str)
def test_a_target_of_make_is_one_with_these_variables(said: Said) -> None:
    target, *variables = said.words
    assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE), target
    for name in (word.partition("=")[0] for word in variables if "=" in word):
        assert f"$({name})" in MAKEFILE, name


@pytest.mark.parametrize("said", [*once("spark-submit"), *once("python"), *once("python3")], ids=str)
def test_a_program_is_there_and_takes_these_options(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [PLACEHOLDERS.get(word, word) for word in said.words]
    if words[0] == "-m":
        name, arguments = words[1], words[2:]
    elif words[0].startswith("jobs/"):
        name, arguments = words[0].removesuffix(".py").replace("/", "."), words[1:]
    else:  # a file, options of spark-submit, or a program in the line
        assert words[0].startswith("-") or (ROOT / words[0]).exists(), words[0]
        return
    assert importlib.util.find_spec(name), name
    if name.startswith("jobs."):
        module = importlib.import_module(name)
        monkeypatch.setattr(module, "run_program", lambda *_, **__: 0)
        monkeypatch.setattr(sys, "argv", [name])
        assert not arguments or module.main(arguments) == 0
