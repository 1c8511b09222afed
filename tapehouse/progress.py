"""Steps and progress of long commands on standard error: a live bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

LOOK_EVERY = 1.0


class Progress:
    """Numbered steps `[3/7] ...`, and details below them."""

    def __init__(self, steps: int) -> None:
        self._steps, self._step = steps, 0
        self.console = Console(stderr=True, highlight=False)

    def step(self, what: str) -> None:
        self._step += 1
        self.console.print(f"\\[{self._step}/{self._steps}] {what}", style="bold", soft_wrap=True)

    def detail(self, what: str) -> None:
        self.console.print(f"      {what}", soft_wrap=True)

    @contextmanager
    def bar(self, total: int) -> "Generator[Bar, None, None]":
        """A bar for `total` messages."""
        columns = (
            TextColumn("      sent"),
            BarColumn(20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[seen]}"),
        )
        with RichProgress(
            *columns, console=self.console, transient=True, disable=not self.console.is_terminal
        ) as live:
            yield Bar(self, live, total)


class Bar:
    """Counts what is sent, and looks once a second at what has become of it: a line for each new batch."""

    def __init__(self, progress: Progress, live: RichProgress, total: int) -> None:
        self._progress, self._live, self._total = progress, live, total
        self._task = live.add_task("sent", total=total, seen="")
        self._sent, self._next, self._batches = 0, time.monotonic(), 0

    def advance(self, look: Callable[[], list[dict[str, Any]]], newest: Callable[[], str]) -> None:
        """Count one more; `look` gives the batches so far, `newest` a line on the newest bar in gold."""
        self._sent += 1
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_EVERY
        batches = look()
        read = f"{sum(batch['messages'] for batch in batches):,} read"
        self._live.update(self._task, completed=self._sent, seen=read)
        if len(batches) > self._batches:
            self._batches = len(batches)
            counted = "" if self._progress.console.is_terminal else f"  {self._sent:,} sent, {read}"
            self._progress.detail(f"{newest()}{counted}")
