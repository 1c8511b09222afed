"""What every program does around its work: logs, errors in three lines, and the exit code."""

import sys
import traceback
from collections.abc import Callable

from jobs.lake.errors import NoDataError, TapehouseError


def run_program(body: Callable[[], int], *, debug: bool, allow_empty: bool = False) -> int:
    """The exit code of `body`: its own, or that of the error it ended with. A stack is shown only with `debug`.

    With `allow_empty` it is 0 where there was nothing to work on.
    """
    log_as_key_values()
    try:
        return done_if_empty(body) if allow_empty else body()
    except TapehouseError as error:
        code, message, stack = error.exit_code, str(error), traceback.format_exc()
    except Exception as error:  # ruff: ignore[blind-except] - the last stop before the shell: reported, exit 1, the stack on request
        code, message, stack = (
            1,
            f"{type(error).__name__}: {_first_lines(str(error))}",
            traceback.format_exc(),
        )
        message += "" if debug else "\nremedy: repeat with --debug for the stack"
    if debug:
        print(stack, file=sys.stderr)
    print(f"error: {message}", file=sys.stderr)
    return code


def done_if_empty(body: Callable[[], int]) -> int:
    """The exit code of `body`; where there is nothing for it to work on, 0 and a line that says so."""
    try:
        return body()
    except NoDataError as error:
        found = f" ({error.found})" if error.found else ""
        print(f"nothing to do: {error.what}{found}", file=sys.stderr)
        return 0


def _first_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[:3])[:600]


def log_as_key_values(*, only_warnings: bool = False) -> None:
    """A line a decision, on standard error."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("warning" if only_warnings else "info"),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
