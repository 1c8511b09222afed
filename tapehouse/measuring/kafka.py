"""The topic in Kafka, and how much of it no batch has read."""

from contextlib import closing
from typing import TYPE_CHECKING

from tapehouse.measuring.catalogue import Sample

if TYPE_CHECKING:
    from jobs.lake.kafka import TopicEnds
    from jobs.lake.settings import Settings


class KafkaPart:
    """Keeps its connection to the broker; one that failed is made anew at the next look."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._ends: TopicEnds | None = None

    def look(self) -> list[Sample]:
        from tapehouse.ledger import LedgerReader

        ends = self._ask()
        with closing(LedgerReader(self._settings)) as ledger:
            read, _ = ledger.newest_batches(self._settings.topic)
        found = []
        for partition, end in sorted(ends.items()):
            of = (self._settings.topic, str(partition))
            found.append(Sample("tapehouse_kafka_end_offset", end, of))
            found.append(Sample("tapehouse_kafka_lag_messages", max(0, end - read.get(partition, 0)), of))
        return found

    def _ask(self) -> dict[int, int]:
        from jobs.lake.kafka import TopicEnds, describe_topic

        kafka = self._settings.kafka
        if self._ends is None:
            self._ends = TopicEnds(kafka, describe_topic(kafka, self._settings.topic))
        try:
            return self._ends.ask()
        except BaseException:
            lost, self._ends = self._ends, None
            lost.close()
            raise
