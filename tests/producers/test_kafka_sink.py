"""The producer on a real broker: what is sent is acknowledged, in order, and Ctrl-C loses nothing."""

import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest

from jobs.lake.errors import ServiceError
from jobs.lake.kafka import TopicEnds, describe_topic
from jobs.lake.kafka_address import KafkaAddress
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tests.builders import quote
from tests.stack import Stack


def read_topic(stack: Stack) -> list[tuple[bytes | None, bytes, list[tuple[str, bytes]]]]:
    """Key, value and headers of all messages, partition by partition."""
    from kafka import KafkaConsumer

    kafka = stack.settings.kafka
    with closing(TopicEnds(kafka, describe_topic(kafka, stack.topic))) as ends:
        number = sum(ends.ask().values())
    consumer = KafkaConsumer(
        stack.topic,
        **kafka.client_options(),
        auto_offset_reset="earliest",
        consumer_timeout_ms=60_000,
        group_id=None,
    )
    with closing(consumer):
        return [(record.key, record.value, record.headers) for record in islice(consumer, number)]


def test_messages_of_a_symbol_keep_their_order_and_headers(stack: Stack) -> None:
    sent = [
        Message("yahoo_recording", f"frame {n}".encode(), quote(f"14:30:{n % 60:02d} {symbol} 10 {n + 1}"))
        for n in range(300)
        for symbol in ("AAPL", "MSFT")
    ]
    sink = stack.send(sent)
    assert (sink.sent, sink.acknowledged, sink.refused) == (600, 600, 0)
    received = read_topic(stack)
    for key in (b"AAPL", b"MSFT"):
        frames = [dict(headers)["vendor_frame"] for found, _, headers in received if found == key]
        assert frames == [f"frame {n}".encode() for n in range(300)]
    assert not sink.refused_file.exists()


def test_ctrl_c_flushes_what_was_sent(stack: Stack) -> None:
    kafka = stack.settings.kafka
    program = "import sys; from tapehouse.cli import main; sys.exit(main())"
    arguments = ["produce", "--in-seconds", "60", "--minutes", "10", "--session", "2023-09-05"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    with closing(TopicEnds(kafka, describe_topic(kafka, stack.topic))) as ends:
        while sum(ends.ask().values()) < 50:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped" in errors
    counts = json.loads(output)
    assert counts["sent"] == counts["acknowledged"] == len(read_topic(stack)) >= 50


@pytest.mark.long
def test_a_broker_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"Kafka at 127\.0\.0\.1:9 does not answer\nfound: .*ECONNREFUSED"):
        KafkaSink(
            kafka=KafkaAddress("127.0.0.1:9"), topic="quotes.v1", refused_file=tmp_path / "refused.jsonl"
        )
