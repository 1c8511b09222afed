"""Ctrl-C, and what else asks a command to stop: everything that it started is stopped on the way out."""

import signal
from collections.abc import Generator
from contextlib import contextmanager

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed(*numbers: signal.Signals) -> None:
    """Let each of these, or of all, raise KeyboardInterrupt."""
    for number in numbers or INTERRUPTIONS:
        signal.signal(number, _interrupt)


@contextmanager
def undisturbed() -> Generator[None, None, None]:
    """A second Ctrl-C must not leave half of it running."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
