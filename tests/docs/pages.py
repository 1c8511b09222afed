"""The pages as they lie in the checkout: their links, headings, blocks of commands, and words in backticks."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tapehouse.paths import ROOT
from tapehouse.reference import PAGES as GENERATED

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
# by people, for people
WRITTEN = [page for page in PAGES if page not in GENERATED and page.name != "CHANGELOG.md"]
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"(?:^|[\s/])tapehouse ")


class Said(NamedTuple):
    """A command line of a page, or the beginning of one."""

    page: str
    words: tuple[str, ...]
    is_whole: bool

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)[:90]}"


def title(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[str]:
    """The blocks of a page, a command that goes on in the next line as one line."""
    return [block.replace("\\\n", " ") for block in BLOCK.findall(page.read_text())]


def prose(page: Path) -> str:
    """The page without its blocks."""
    return BLOCK.sub("", page.read_text())


def quoted(page: Path) -> list[str]:
    """What stands in backticks in the text, a line's end in it as a space."""
    return [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", prose(page))]


def commands(first: str) -> Iterator[Said]:
    """The command lines that call `first`: whole ones from blocks, and what text says in backticks."""
    for page in WRITTEN:
        for line in (line for block in blocks(page) for line in block.splitlines()):
            if words := _after(first, _words(line)):
                yield Said(title(page), words, is_whole="..." not in words)
        for text in quoted(page):
            if words := _after(first, text.split()):
                yield Said(title(page), words, is_whole=False)


def anchors(page: Path) -> set[str]:
    """What a link may name behind #, as git's hosts make it of a heading."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []  # no command: a drawing, a message, or a program in another language


def _after(first: str, words: list[str]) -> tuple[str, ...]:
    """The words from `first` on; a path before it, and what Compose or eval need around it, are left away."""
    for place, word in enumerate(words):
        if word.rpartition("/")[2] == first:
            told = words[place + 1 :]
            end = next((n for n, one in enumerate(told) if one in {"&", "|", "&&"}), len(told))
            return tuple(told[:end])
    return ()
