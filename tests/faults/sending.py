"""A sender that keeps a pace, and knows the longest time without an acknowledgement."""

import time
from collections.abc import Sequence
from typing import Any

from jobs.lake.errors import ServiceError
from producers.errors import ProducerError
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tests.faults.lake import Lake

LOOK_EVERY = 0.02  # seconds


class Timed(KafkaSink):
    """Knows the longest time in which a partition that is sent to acknowledged nothing."""

    def __init__(self, **options: Any) -> None:
        self.longest_gap = 0.0
        self._last: dict[int, float] = {}
        super().__init__(**options)

    def _count(self, metadata: Any) -> None:
        super()._count(metadata)
        now = time.monotonic()
        before = self._last.get(metadata.partition, now)
        self.longest_gap = max(self.longest_gap, now - before)
        self._last[metadata.partition] = now


class PacedSender:
    """Sends messages at a rate in a thread of its own; what it was held up by it makes good as fast as it can."""

    def __init__(self, lake: Lake, messages: Sequence[Message], *, rate: int) -> None:
        self._lake, self._messages, self._rate = lake, messages, rate
        self.sent = self.acknowledged = 0
        self.longest_gap = self.seconds = 0.0
        self.error: Exception | None = None

    @property
    def share(self) -> float:
        return self.sent / len(self._messages)

    def run(self) -> None:
        """Send them all; an error is kept for who looks."""
        refused = self._lake.folder / "refused.jsonl"
        kafka = self._lake.settings.kafka
        try:
            with Timed(kafka=kafka, topic=self._lake.topic, refused_file=refused) as sink:
                self._send(sink)
            self.acknowledged, self.longest_gap = sink.acknowledged, sink.longest_gap
        except (ServiceError, ProducerError, OSError) as error:
            self.error = error

    def __str__(self) -> str:
        rate = self.sent / self.seconds
        return (
            f"{self.sent:,} messages at {rate:,.0f} a second, longest time in which a partition "
            f"acknowledged nothing {self.longest_gap:.1f} s"
        )

    def _send(self, sink: KafkaSink) -> None:
        began = time.monotonic()
        while sink.acknowledged + sink.refused < len(self._messages):
            now = time.monotonic()
            due = min(len(self._messages), int((now - began) * self._rate))
            for message in self._messages[self.sent : due]:
                sink.send(message)
            self.sent = due
            time.sleep(LOOK_EVERY)
        self.seconds = time.monotonic() - began
