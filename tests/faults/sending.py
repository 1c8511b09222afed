"""A sender that keeps a pace, and knows the longest time without an acknowledgement."""

import time
from collections.abc import Sequence

from jobs.lake.errors import ServiceError
from producers.errors import ProducerError
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tests.faults.lake import Lake

LOOK_EVERY = 0.02  # seconds


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
            with KafkaSink(kafka=kafka, topic=self._lake.topic, refused_file=refused) as sink:
                self._send(sink)
            self.acknowledged = sink.acknowledged
        except (ServiceError, ProducerError, OSError) as error:
            self.error = error

    def __str__(self) -> str:
        rate = self.sent / self.seconds
        return (
            f"{self.sent:,} messages at {rate:,.0f} a second, longest time without an acknowledgement "
            f"{self.longest_gap:.1f} s"
        )

    def _send(self, sink: KafkaSink) -> None:
        began = last = time.monotonic()
        acknowledged = 0
        while sink.acknowledged + sink.refused < len(self._messages):
            now = time.monotonic()
            if sink.acknowledged > acknowledged:
                self.longest_gap = max(self.longest_gap, now - last)
                acknowledged, last = sink.acknowledged, now
            due = min(len(self._messages), int((now - began) * self._rate))
            for message in self._messages[self.sent : due]:
                sink.send(message)
            self.sent = due
            time.sleep(LOOK_EVERY)
        self.seconds = time.monotonic() - began
