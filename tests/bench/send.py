"""python -m tests.bench.send TAPE --bootstrap HOST:PORT --topic NAME [--at-pace]

Sends a tape as producers/kafka_sink.py would, with a faster client: at once, or each message when it is due. Prints how
many were sent, and the most milliseconds that one was sent too late.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer

from producers.events import SCHEMA_VERSION
from producers.tape import SOURCE
from tests.bench.tape import SECOND, read_tape

TICK, QUEUE = 0.005, 200_000
HEADERS = [("source", SOURCE.encode()), ("schema_version", str(SCHEMA_VERSION).encode())]


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.bench.send", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument("tape", type=Path)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--at-pace", action="store_true", help="each message when it is due")
    args = parser.parse_args()
    print(json.dumps(send(args.tape, bootstrap=args.bootstrap, topic=args.topic, at_pace=args.at_pace)))
    return 0


def send(tape: Path, *, bootstrap: str, topic: str, at_pace: bool) -> dict[str, float]:
    """Send every message of the tape; all of them are acknowledged when this returns."""
    producer = Producer({
        "bootstrap.servers": bootstrap,
        "partitioner": "murmur2_random",  # the one of kafka-python and of Java
        "enable.idempotence": True,
        "linger.ms": 10,
        "queue.buffering.max.messages": QUEUE,
        "delivery.report.only.error": True,
        "on_delivery": _refuse_loss,
    })
    sent, most_late = 0, 0.0
    begin = time.monotonic()
    for piece in read_tape(tape):
        for due_us, key, value, frame in zip(*piece, strict=True):
            if at_pace:
                most_late = max(most_late, _wait_until(begin + due_us / SECOND, producer))
            _produce(producer, topic, key, value, [*HEADERS, ("vendor_frame", frame)])
            sent += 1
    if producer.flush(60):
        raise RuntimeError("messages were not acknowledged within a minute")
    return {"sent": sent, "seconds": time.monotonic() - begin, "most_late_ms": most_late * 1000}


def _produce(
    producer: Producer, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
) -> None:
    while True:
        try:
            return producer.produce(topic, value, key, headers=headers)
        except BufferError:
            producer.poll(0.1)


def _wait_until(due: float, producer: Producer) -> float:
    """Sleep in ticks while the message is not due; by how much it is late then."""
    while (late := time.monotonic() - due) < 0:
        producer.poll(0)
        time.sleep(TICK)
    return late


def _refuse_loss(error: KafkaError | None, message: Message) -> None:
    raise RuntimeError(f"a message to {message.topic()} was lost: {error}")


if __name__ == "__main__":
    sys.exit(main())
