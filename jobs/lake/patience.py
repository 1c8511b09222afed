"""Waiting for what is not there yet, or is somebody else's still: attempts until a time has passed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

Kinds = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]


def attempts(
    *, on: Kinds, seconds: float, first: float, most: float
) -> Iterator[AbstractContextManager[Any]]:
    """Attempts, each a `with`, as long as one fails by `on` and `seconds` have not passed: one at least.

    The pauses between them grow from `first` to `most` seconds. The last one's error is raised.
    """
    import stamina

    limit: dict[str, Any] = {"attempts": None, "timeout": seconds} if seconds else {"attempts": 1}
    yield from stamina.retry_context(on=on, wait_initial=first, wait_max=most, **limit)
