"""What `tapehouse explain` found, as a tree for people: 100 columns wide at most, raw lines whole where it is piped."""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from tapehouse.explain_lake import Row, text
from tapehouse.explain_nothing import say

# a sentence is as long as fits beside four levels of the tree
WIDTH, SENTENCE, UNBOUNDED = 100, 84, 10_000
PRICES = ("open", "high", "low", "close")
# a space at which no sentence is broken
TIED = "\u00a0"
BAD, DIM = "bold red", "dim"


def show(tree: Row, *, frames: bool) -> None:
    console = Console(highlight=False)
    console.width = min(console.width, WIDTH) if sys.stdout.isatty() else UNBOUNDED
    console.print(draw(tree, frames=frames))


def draw(tree: Row, *, frames: bool) -> Tree:
    """The tree of a day or a minute."""
    when = text(tree["session"]) if "session" in tree else f"{tree['minute']:%Y-%m-%dT%H:%MZ}"
    root = Tree(Text(f"{tree['symbol']} {when} ({tree['instrument_id']})", style="bold"))
    if "nothing" in tree:
        of = f" of {tree['source']}" if tree["source"] else ""
        _branch(root, f"there is no bar{of}", say(tree["nothing"]))
    if "session" in tree:
        from tapehouse.explain_text_day import draw_day

        draw_day(root, tree)
    else:
        from tapehouse.explain_text_minute import draw_minute

        draw_minute(root, tree, frames=frames)
    _branch(root, "notes", tree["notes"])
    _branch(root, "problems", tree["problems"], style=BAD)
    return root


def numbers(row: Row, names: Sequence[str]) -> str:
    """open 92.7, high 93.88 ..., in the currency of the row; a number stays beside its name."""
    told = ", ".join(f"{name}{TIED}{number(row.get(name))}" for name in names)
    return f"{told} {row['currency'] or ''}".rstrip() if "currency" in row else told


def number(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else text(value)


def flags(found: Iterable[str] | None) -> str:
    return ", ".join(found or ()) or "none"


def line(value: str, style: str = "") -> Text:
    """A sentence, broken between words; an object's key is one."""
    broken = textwrap.wrap(
        value, SENTENCE, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return whole("\n".join(broken).replace(TIED, " "), style)


def whole(value: str, style: str = "") -> Text:
    """What stands somewhere, as it stands there."""
    return Text(value, style=style, overflow="fold")


def _branch(root: Tree, title: str, lines: Sequence[str], style: str = "") -> None:
    if lines:
        branch = root.add(line(title, style))
        for each in lines:
            branch.add(line(each, style))
