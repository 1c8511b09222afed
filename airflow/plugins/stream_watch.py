"""Whether the stream guard starts the stream."""

from typing import Any

DAG_OF_STREAM = "stream_run"


class GuardAnswerError(ValueError):
    """`tapehouse guard` did not end with one of its two words."""


def is_to_start(answer: str | None, **context: Any) -> bool:
    """Whether the guard says `start`, and no run of the stream is queued or running yet."""
    if answer not in {"start", "leave"}:
        raise GuardAnswerError(
            f"the guard's last line is no answer; found {answer!r}; remedy: run `tapehouse guard`, it ends in "
            "start or leave"
        )
    return answer == "start" and not context["ti"].get_dr_count(DAG_OF_STREAM, states=["queued", "running"])
