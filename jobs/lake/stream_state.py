"""Where a stream stands: recovered from the tables' commits at every start, and moved on by each commit."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.lake import history
from jobs.lake.errors import TopicError
from jobs.lake.kafka import Topic
from jobs.lake.progress import Commit, Offsets, largest, recorded_ends, smallest
from jobs.lake.quote_batch import BatchFacts
from jobs.lake.settings import Settings
from jobs.lake.tables import BATCH_TABLES, GOLD_BARS_1M, GOLD_BARS_1M_LOG, STREAM_TABLES, Table


@dataclass
class StreamState:
    """Recorded ends, and what the gold log's newest commit says of order, watermarks and Kafka times.

    `versions` are those of the tables when they were read, `uncompacted` the commits since the last compaction, as
    far as they are known. The log was pruned of what is up to `pruned_sequence` in its order, or of less.
    """

    topic: Topic
    ends: dict[str, Offsets]
    versions: dict[str, int] = field(default_factory=dict)
    uncompacted: dict[str, int] = field(default_factory=dict)
    epoch: int = 0
    sequence: int = 0
    merged_sequence: int = 0
    pruned_sequence: int = 0
    watermark: dict[str, datetime] = field(default_factory=dict)
    kafka_time: dict[str, datetime] = field(default_factory=dict)

    def batch_commit(
        self, table: Table, facts: BatchFacts, *, batch_id: int, sequence: int | None = None
    ) -> Commit:
        """The metadata of a commit that brings `table` to the end of a batch, from where it is."""
        recorded = self.ends[table.name]
        end = largest(recorded, facts.end)
        start = {p: min(max(facts.start.get(p, 0), recorded.get(p, 0)), end[p]) for p in facts.end}
        # all partitions, those without a message now too: a table that is empty again and again says so in no commit
        everywhere = smallest(self.ends[table.name] for table in BATCH_TABLES)
        told = {
            "empty": facts.empty_tables,
            "batch_end": largest(everywhere, facts.end),
            "batch_id": batch_id,
        }
        return self._commit(start, end, kind="batch", sequence=sequence, **told)

    def standing_commit(self, table: Table, *, kind: str, sequence: int | None = None) -> Commit:
        """The metadata of a commit that repeats the end that `table` has recorded.

        The orders of gold and of its log go on where they are, unless the commit moves them on to `sequence`.
        """
        end = self.ends[table.name]
        orders = {GOLD_BARS_1M_LOG.name: self.sequence, GOLD_BARS_1M.name: self.merged_sequence}
        return self._commit(end, end, kind=kind, sequence=sequence or orders.get(table.name))

    def _commit(self, start: Offsets, end: Offsets, *, kind: str, **more: Any) -> Commit:
        return Commit(
            self.topic.name,
            self.topic.topic_id,
            start,
            end,
            self.epoch,
            kind,
            watermark=dict(self.watermark),
            kafka_time=dict(self.kafka_time),
            **more,
        )

    def advance(self, facts: BatchFacts, ends: Mapping[str, Offsets]) -> None:
        """Take note of a batch whose commits, and empty tables, are all done."""
        self.ends.update(ends)
        for name in ends:
            self.uncompacted[name] += 1
        for name in facts.empty_tables:
            self.ends[name] = largest(self.ends[name], facts.end)

    def final_before(self, lateness: timedelta) -> dict[str, datetime]:
        """Each source's watermark: its newest accepted event, less the lateness that is waited for."""
        return {source: newest - lateness for source, newest in self.watermark.items()}

    @property
    def newest_event(self) -> datetime:
        """The newest accepted event of any source, 1970 where there was none."""
        return max(self.watermark.values(), default=datetime(1970, 1, 1, tzinfo=UTC))

    def see(self, newest_event: Mapping[str, datetime], newest_kafka: Mapping[str, datetime]) -> None:
        """Move the watermarks' events and the Kafka times forward, never back."""
        for known, seen in ((self.watermark, newest_event), (self.kafka_time, newest_kafka)):
            for source, moment in seen.items():
                known[source] = max(moment, known.get(source, moment))


def recover(settings: Settings, topic: Topic) -> StreamState:
    """Read the commits of all tables; a topic that was made anew under the same name is refused."""
    with ThreadPoolExecutor(len(STREAM_TABLES)) as pool:
        read = list(pool.map(lambda table: history.recent_commits(table, settings), STREAM_TABLES))
    names = [table.name for table in STREAM_TABLES]
    versions = {name: version for name, (version, _) in zip(names, read, strict=True)}
    commits = {name: found for name, (_, found) in zip(names, read, strict=True)}
    for name, found in commits.items():
        other = next(
            (c.topic_id for c in found if c.topic == topic.name and c.topic_id != topic.topic_id), None
        )
        if other:
            raise TopicError(
                f"the topic {topic.name} was made anew: its offsets began again",
                found=f"id {topic.topic_id}, {name} was written from id {other}",
                remedy=f"use a new one: set TAPEHOUSE_TOPIC={topic.name}-2, `make up`, and run "
                "`tapehouse rebuild-checkpoint`",
            )
    state = StreamState(topic, recorded_ends(commits, topic=topic.name), versions)
    for name, found in commits.items():
        kinds = [commit.kind for commit in found]
        # none among those that were read: perhaps never, and a compaction too early does little
        state.uncompacted[name] = kinds.index("compact") if "compact" in kinds else versions[name] + 1
    pruned = [commit.sequence or 0 for commit in commits[GOLD_BARS_1M_LOG.name] if commit.kind == "prune"]
    state.pruned_sequence = max(pruned, default=0)
    everyone = [commit for found in commits.values() for commit in found]
    state.epoch = max((commit.epoch for commit in everyone), default=0)
    for commit in commits[GOLD_BARS_1M_LOG.name]:
        state.see(commit.watermark, commit.kafka_time)
    state.merged_sequence = max((c.sequence or 0 for c in commits[GOLD_BARS_1M.name]), default=0)
    in_log = max((c.sequence or 0 for c in commits[GOLD_BARS_1M_LOG.name]), default=0)
    state.sequence = max(in_log, state.merged_sequence)
    return state
