"""What a topic holds: how many messages, and when each was sent."""

from typing import NamedTuple

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from tapehouse.services.kafka import PARTITIONS

SILENT_FOR = 30  # seconds until a broker counts as gone


class Sent(NamedTuple):
    """One entry a message: partition, offset, and Kafka's CreateTime in seconds since 1970."""

    partition: np.ndarray
    offset: np.ndarray
    at: np.ndarray


def read_sent(bootstrap: str, topic: str) -> Sent:
    """Read the topic to its end."""
    consumer = _consumer(bootstrap)
    try:
        wanted = count(consumer, topic)
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(PARTITIONS)])
        rows: list[tuple[int, int, int]] = []
        while len(rows) < wanted:
            messages = consumer.consume(50_000, timeout=SILENT_FOR)
            if not messages:
                raise TimeoutError(f"{topic} gave {len(rows)} of {wanted} messages")
            rows += [(m.partition(), m.offset(), m.timestamp()[1]) for m in messages if not m.error()]
    finally:
        consumer.close()
    partition, offset, at_ms = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Sent(partition, offset, at_ms / 1000)


def count_messages(bootstrap: str, topic: str) -> int:
    consumer = _consumer(bootstrap)
    try:
        return count(consumer, topic)
    finally:
        consumer.close()


def count(consumer: Consumer, topic: str) -> int:
    """The offsets of the partitions' ends, added up: nothing was ever removed from these topics."""
    ends = [
        consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=SILENT_FOR)[1]
        for p in range(PARTITIONS)
    ]
    return sum(ends)


def _consumer(bootstrap: str) -> Consumer:
    return Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False})
