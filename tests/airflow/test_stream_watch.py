"""When the guard starts the stream."""

from typing import Any

import pytest
from stream_watch import GuardAnswerError, is_to_start


class TaskOfGuard:
    def __init__(self, runs: int) -> None:
        self.runs = runs

    def get_dr_count(self, dag_id: str, *, states: list[str]) -> int:
        assert (dag_id, states) == ("stream_run", ["queued", "running"])
        return self.runs


@pytest.mark.parametrize(
    ("answer", "runs", "starts"), [("start", 0, True), ("start", 1, False), ("leave", 0, False)]
)
def test_the_stream_is_started_if_the_guard_says_so_and_it_is_not_yet_coming(
    answer: str, runs: int, starts: bool
) -> None:
    assert is_to_start(answer, ti=TaskOfGuard(runs)) is starts


@pytest.mark.parametrize("answer", [None, "", "started", "error: PostgreSQL is away"])
def test_another_answer_is_an_error_and_starts_nothing(answer: Any) -> None:
    with pytest.raises(GuardAnswerError, match="no answer; found"):
        is_to_start(answer, ti=TaskOfGuard(0))
