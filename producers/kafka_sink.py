"""Messages to Kafka: acknowledged by all replicas, counted, and none dropped without an error and a place."""

import base64
import json
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from producers.errors import ProducerError
from producers.events import Headers, Message

# as far as this client goes; what is larger than the broker's limit (1 MiB) comes back refused, with the reason
LARGEST_REQUEST = 64 * 1024 * 1024
# a refused message ends an idempotent producer: what may be refused for its size goes by one that is not, and never
# tries twice
LARGE = 512 * 1024


class Broker(Protocol):
    """Where Kafka is and as whom one speaks to it."""

    def client_options(self) -> dict[str, Any]: ...

    def connecting(self) -> AbstractContextManager[None]:
        """Around what makes a client: one that does not get in is an error that says why."""


class KafkaSink:
    """Sends messages and counts those that the broker has acknowledged.

    A message that is refused is kept as a line of `refused_file`: topic, reason, and key, value and headers in base64.
    """

    def __init__(self, *, kafka: Broker, topic: str, refused_file: Path) -> None:
        from kafka import KafkaProducer

        self._topic, self.refused_file = topic, refused_file
        self._lock = threading.Lock()
        self.sent = self.acknowledged = self.refused = 0
        options: dict[str, Any] = kafka.client_options() | {
            "acks": "all",
            "bootstrap_timeout_ms": 5_000,
            "max_request_size": LARGEST_REQUEST,
        }
        with kafka.connecting():
            self._producer: Any = KafkaProducer(
                **options, enable_idempotence=True, linger_ms=10, batch_size=64 * 1024
            )
            self._for_large: Any = KafkaProducer(**options, enable_idempotence=False, retries=0)

    def send(self, message: Message, *, received_us: int | None = None) -> None:
        """Hand over a message, received at `received_us` (default: now); it is acknowledged or refused later."""
        value = message.render(received_us or time.time_ns() // 1000)
        self._hand_over(message.key, value, message.headers())

    def send_again(self, key: bytes | None, value: bytes | None, headers: Headers, *, kafka_ms: int) -> None:
        """Hand over the bytes of an earlier message, at its Kafka time in milliseconds."""
        self._hand_over(key, value, headers, timestamp_ms=kafka_ms)

    def _hand_over(self, key: bytes | None, value: bytes | None, headers: Headers, **when: int) -> None:
        from kafka.errors import KafkaError

        with self._lock:  # several threads may send
            self.sent += 1
        size = len(value or b"") + sum(len(content) for _, content in headers)
        producer = self._for_large if size > LARGE else self._producer
        try:
            future = producer.send(self._topic, value=value, key=key, headers=headers, **when)
        except KafkaError as error:
            self._keep(key, value, headers, error)
            return
        future.add_callback(self._count)
        future.add_errback(lambda error: self._keep(key, value, headers, error))

    def flush(self, *, seconds: float = 120) -> None:
        """Wait until every message is acknowledged or refused."""
        for producer in (self._producer, self._for_large):
            producer.flush(timeout=seconds)
        missing = self.sent - self.acknowledged - self.refused
        if missing:
            raise ProducerError(
                f"{missing} messages were neither acknowledged nor refused in {seconds:.0f} s",
                found=f"{self.sent} sent, {self.acknowledged} acknowledged, {self.refused} refused",
                remedy="look at Kafka (`tapehouse logs kafka`), then send the tape again",
            )

    def __enter__(self) -> "KafkaSink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Flush, after Ctrl-C too."""
        try:
            self.flush()
        finally:
            self._producer.close()
            self._for_large.close()

    def _count(self, metadata: Any) -> None:  # ruff: ignore[unused-method-argument] - of whoever looks closer
        with self._lock:
            self.acknowledged += 1

    def _keep(self, key: bytes | None, value: bytes | None, headers: Headers, error: BaseException) -> None:
        line = {
            "topic": self._topic,
            "reason": f"{type(error).__name__}: {error}",
            "key": base64.b64encode(key).decode() if key else None,
            "value": None if value is None else base64.b64encode(value).decode(),
            "headers": {name: base64.b64encode(content).decode() for name, content in headers},
        }
        with self._lock:
            self.refused_file.parent.mkdir(parents=True, exist_ok=True)
            with self.refused_file.open("a") as lines:
                lines.write(json.dumps(line) + "\n")
            self.refused += 1
