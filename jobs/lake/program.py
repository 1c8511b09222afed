"""What every program does around its work: logs, errors in three lines, and the exit code."""

import sys
import traceback
from collections.abc import Callable

from jobs.lake.errors import TapehouseError


def run_program(body: Callable[[], int], *, debug: bool) -> int:
    """The exit code of `body`: its own, or that of the error it ended with. A stack is shown only with `debug`."""
    log_as_key_values()
    try:
        return body()
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
