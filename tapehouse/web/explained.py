"""`tapehouse explain` for the page: a process of its own for each question, few at once, and none for too long."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from typing import NamedTuple

from tapehouse.paths import ROOT

AT_ONCE, WITHIN = 2, 60.0
MOST = 400_000  # characters
NAME = re.compile(r"[A-Za-z0-9^][A-Za-z0-9.:=^_/-]{0,39}")
WHEN = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\dZ)?")
BUSY, TOO_LONG = 503, 504
LOOKED_EVERY = 0.5  # seconds, whether whoever asks is still there


class Answer(NamedTuple):
    """The text, and the status that it is answered with."""

    status: int
    text: str


NO_QUESTION = Answer(404, "a symbol and a day or minute are explained, as AAPL/2026-11-24T15:30Z\n")
GONE = Answer(BUSY, "whoever asked has gone\n")


def day_asked(name: str, when: str) -> date | None:
    """The day of a question, None where it is none."""
    if not NAME.fullmatch(name) or not WHEN.fullmatch(when):
        return None
    try:
        return date.fromisoformat(when[:10])
    except ValueError:
        return None


class Explanations:
    def __init__(self) -> None:
        self._running = 0

    async def ask(self, name: str, when: str, is_gone: Callable[[], Awaitable[bool]]) -> Answer:
        """What `tapehouse explain NAME WHEN` prints, as long as whoever asks is there."""
        if self._running >= AT_ONCE:
            return Answer(BUSY, f"{AT_ONCE} explanations are being worked out: ask again in a few seconds\n")
        self._running += 1
        asking = asyncio.create_task(_explain(name, when))
        try:
            while not asking.done():
                if await is_gone():
                    return GONE
                await asyncio.wait([asking], timeout=LOOKED_EVERY)
            return asking.result()
        finally:
            asking.cancel()
            await asyncio.wait([asking])
            self._running -= 1


async def _explain(name: str, when: str) -> Answer:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tapehouse", "explain", "--", name, when),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), WITHIN)
    except TimeoutError:
        return Answer(TOO_LONG, f"it was not worked out within {WITHIN:.0f} s; ask on the command line\n")
    finally:
        # whoever asked has gone, or it took too long
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    text = (out if out.strip() else err).decode(errors="replace")
    return Answer(200 if out.strip() else 404, text[:MOST])
