"""python -m tests.bench.plain_bronze [--at-most N] [--every SECONDS]

The plain alternative, bronze only: confluent-kafka and deltalake, as one writes it in an afternoon. It consumes,
appends what came to a Delta table, and commits the offsets to Kafka after that.

What it lacks: a crash between the two commits doubles rows; a second copy of it does too; nothing is checked, rejected,
resolved or made unique.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import pyarrow
from confluent_kafka import Consumer, Message
from deltalake import CommitProperties, DeltaTable, write_deltalake

BRONZE = "bronze.plain"
LACKS = "exactly once after a crash, one writer, rules, rejected rows, distinct quotes, bars"
SCHEMA = pyarrow.schema({
    "topic": pyarrow.string(),
    "partition": pyarrow.int32(),
    "offset": pyarrow.int64(),
    "key": pyarrow.binary(),
    "value": pyarrow.binary(),
    "frame": pyarrow.binary(),
    "kafka_time": pyarrow.timestamp("us", "UTC"),
})
End = dict[int, int]


class AppendedTable:
    """A Delta table in the S3 store; each commit says how far in the topic it goes."""

    def __init__(self, name: str) -> None:
        layer, table = name.split(".")
        bucket = os.environ[f"TAPEHOUSE_{'PROCESSED' if layer == 'gold' else 'REALTIME'}_URL"]
        self._url, self._table = f"{bucket}/{layer}/{table}", None
        self._options = {"AWS_ALLOW_HTTP": "true", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false"}

    def append(self, rows: pyarrow.Table, end: End) -> None:
        said = CommitProperties(custom_metadata={"userMetadata": json.dumps({"end": end})})
        write_deltalake(
            self._table or self._url,
            rows,
            mode="append",
            storage_options=self._options,
            commit_properties=said,
        )
        if self._table is None:
            self._table = DeltaTable(self._url, storage_options=self._options)
        else:
            self._table.update_incremental()


class Stop:
    """Whether SIGTERM came."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def main(write: Callable[[list[Message], End], None]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at-most", type=int, default=200_000, help="messages in a commit")
    parser.add_argument("--every", type=float, default=0.2, help="seconds until a commit")
    args = parser.parse_args()
    consumer = Consumer({
        "bootstrap.servers": os.environ["TAPEHOUSE_KAFKA_BOOTSTRAP"],
        "group.id": os.environ["TAPEHOUSE_REALTIME_URL"],
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "fetch.wait.max.ms": 50,
        "queued.max.messages.kbytes": 256 * 1024,
    })
    consumer.subscribe([os.environ["TAPEHOUSE_TOPIC"]])
    end: End = {}
    stop = Stop()
    for messages in batches(consumer, stop, at_most=args.at_most, every=args.every):
        end |= {m.partition(): m.offset() + 1 for m in messages}
        write(messages, end)
        consumer.commit(asynchronous=False)
    consumer.close()
    return 0


def batches(consumer: Consumer, stop: Stop, *, at_most: int, every: float) -> Iterator[list[Message]]:
    """What came in `every` seconds, or sooner if it is `at_most`, or if nothing comes any more."""
    while not stop.asked:
        messages: list[Message] = []
        until = time.monotonic() + every
        while len(messages) < at_most and (left := until - time.monotonic()) > 0:
            came = consumer.consume(min(20_000, at_most - len(messages)), timeout=min(left, 0.2))
            messages += [message for message in came if not message.error()]
            if messages and not came:
                break
        if messages:
            yield messages


def bronze(messages: list[Message]) -> pyarrow.Table:
    rows = [
        (m.topic(), m.partition(), m.offset(), m.key(), m.value(), dict(m.headers())["vendor_frame"])
        for m in messages
    ]
    times = pyarrow.array([m.timestamp()[1] * 1000 for m in messages], pyarrow.int64())
    columns = [pyarrow.array(c, t) for c, t in zip(zip(*rows, strict=True), SCHEMA.types, strict=False)]
    return pyarrow.table([*columns, times.cast(SCHEMA.field("kafka_time").type)], SCHEMA)


if __name__ == "__main__":
    table = AppendedTable(BRONZE)
    sys.exit(main(lambda messages, end: table.append(bronze(messages), end)))
