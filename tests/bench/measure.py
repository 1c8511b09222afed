"""The arithmetic of the benches: spreads, latencies, rates and lag, from what was seen."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from tests.bench.commits import SeenCommit
from tests.bench.topic import Sent

WARM_FROM = 0.25  # of the messages


class Spread(NamedTuple):
    """Several runs in one line."""

    median: float
    least: float
    most: float
    n: int


def spread(values: Iterable[float]) -> Spread:
    found = sorted(values)
    return Spread(median(found), found[0], found[-1], len(found))


def visible_at(sent: Sent, commits: Sequence[SeenCommit]) -> np.ndarray:
    """When each message became visible: at the first commit whose end is beyond its offset; infinite if at none."""
    times = np.array([commit.at for commit in commits] + [np.inf])
    visible = np.empty(len(sent.at))
    for partition in np.unique(sent.partition):
        ends = np.maximum.accumulate([commit.end.get(int(partition), 0) for commit in commits] or [0])
        mine = sent.partition == partition
        first = np.searchsorted(ends, sent.offset[mine], side="right")
        visible[mine] = times[np.minimum(first, len(commits))]
    return visible


def percentiles(latencies: np.ndarray) -> dict[str, float]:
    """Seconds: p50, p95, p99 and the largest."""
    p50, p95, p99 = np.percentile(latencies, (50, 95, 99), method="higher")
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": float(latencies.max())}


def lag(sent: Sent, visible: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """How many messages were sent and not yet visible at each moment."""
    until_sent = np.searchsorted(np.sort(sent.at), moments, side="right")
    return until_sent - np.searchsorted(np.sort(visible), moments, side="right")


def positions(tables: Mapping[str, Sequence[SeenCommit]]) -> list[tuple[float, int]]:
    """How many messages were in every one of the tables, each time that this grew."""
    reached = dict.fromkeys(tables, 0)
    steps: list[tuple[float, int]] = []
    for commit, name in sorted(
        ((commit, name) for name, commits in tables.items() for commit in commits),
        key=lambda seen: seen[0].at,
    ):
        reached[name] = max(reached[name], sum(commit.end.values()))
        least = min(reached.values())
        if least > (steps[-1][1] if steps else 0):
            steps.append((commit.at, least))
    return steps


def warm_rate(steps: Sequence[tuple[float, int]]) -> float | None:
    """Messages a second once a quarter of them is in; None where that was the last step."""
    end, total = steps[-1]
    begin, before = next(step for step in steps if step[1] >= total * WARM_FROM)
    return (total - before) / (end - begin) if end > begin else None
