"""Work beside the batches, and when gold may be compacted."""

import math
import threading
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.lake.aside import Aside
from jobs.lake.tables import GOLD_BARS_1M
from jobs.lake.upkeep import COMPACT_AFTER_COMMITS, COMPACTED, Upkeep


def _wait(event: threading.Event) -> None:
    assert event.wait(30)


def test_what_ended_the_work_is_raised_once_and_nothing_follows_it() -> None:
    followed: list[str] = []

    def fail() -> None:
        raise OSError("no room")

    with closing(Aside()) as aside:
        aside.begin(fail, then=lambda: followed.append("failed"))
        with pytest.raises(OSError, match="no room"):
            aside.settle(wait=True)
        assert aside.is_free
        aside.settle(wait=True)
        go = threading.Event()
        aside.begin(lambda: _wait(go), then=lambda: followed.append("done"))
        aside.settle(wait=False)
        assert not followed
        assert not aside.is_free
        go.set()
        aside.settle(wait=True)
        assert followed == ["done"]


def test_gold_is_not_compacted_while_a_merge_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    state = SimpleNamespace(uncompacted={table.name: 0 for table in COMPACTED})
    state.uncompacted[GOLD_BARS_1M.name] = COMPACT_AFTER_COMMITS
    upkeep: Any = Upkeep.__new__(Upkeep)
    upkeep._state = state
    upkeep._looked_for_requests = math.inf
    compacted: list[str] = []
    monkeypatch.setattr(Upkeep, "compact", lambda _, table: compacted.append(table.name))
    upkeep.do_one(SimpleNamespace(is_free=False))
    assert compacted == []
    upkeep.do_one(SimpleNamespace(is_free=True))
    assert compacted == [GOLD_BARS_1M.name]
