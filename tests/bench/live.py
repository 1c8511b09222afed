"""A candidate under a tape that is sent at its pace: what was sent when, and what became visible when."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tapehouse.ledger import LedgerReader
from tapehouse.services.instance import Instance
from tests.bench.candidates import STREAM, Candidate
from tests.bench.commits import CommitWatch, SeenCommit
from tests.bench.lake import Lake, say
from tests.bench.measure import visible_at
from tests.bench.program import Measured, send
from tests.bench.topic import Sent, count_messages, read_sent
from tests.bench.usage import UsageWatch

LOOK_EVERY, START_WITHIN, DRAIN_WITHIN = 0.02, 180, 600


@dataclass(frozen=True)
class Live:
    """One run, as it was seen from outside."""

    sent: Sent
    visible: np.ndarray
    commits: list[SeenCommit]
    usage: UsageWatch
    sender: dict[str, Any]

    @property
    def begin(self) -> float:
        return float(self.sent.at.min())

    @property
    def end(self) -> float:
        return float(self.sent.at.max())


def run_live(instance: Instance, candidate: Candidate, tape: Path, *, name: str, seconds: float) -> Live:
    """Send the tape, which takes `seconds`, to a topic of its own, until all of it is visible and checked."""
    lake = Lake(instance, name, topic=f"{name}.v1")
    table = candidate.tables[-1]
    with CommitWatch(lake.settings, lake.url(table), every=LOOK_EVERY) as watch:
        with Measured(lake, "program", candidate.live) as program:
            if candidate is STREAM:
                program.wait_for(lambda: is_ready(lake), what="ready", seconds=START_WITHIN)
            say(f"{name}: sending for {seconds:.0f} s")
            said = send(lake, tape, at_pace=True, seconds=seconds * 1.5 + 60)
            messages = count_messages(lake.bootstrap, lake.topic)
            program.wait_for(lambda: watch.position >= messages, what="drained", seconds=DRAIN_WITHIN)
        commits = list(watch.commits)
    candidate.check(lake, messages)
    sent = read_sent(lake.bootstrap, lake.topic)
    lake.remove()
    return Live(sent, visible_at(sent, commits), commits, program.usage, said)


def is_ready(lake: Lake) -> bool:
    """Whether the ledger says that the stream's query has started."""
    reader = LedgerReader(lake.settings)
    try:
        newest = reader.newest_run("stream_quotes", topic=lake.topic)
    finally:
        reader.close()
    return newest is not None and newest.is_ready
