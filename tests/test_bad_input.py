"""Bad input on the running stream: kept aside with its bytes and its reasons, and the stream goes on."""

import base64
import json
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from producers.events import Message, encode
from producers.malformed import KINDS
from tests.builders import begun_sessions, day_quote, quote
from tests.stack import Stack, call

if TYPE_CHECKING:
    from jobs.lake.progress import Commit

GOOD = quote("14:30:01 AAPL 189.54 1000")
FRAME = "list_filter(headers, lambda h: h.key = 'vendor_frame')[1].value"
REJECTED = f"SELECT {FRAME} AS frame, violations FROM silver.rejected"
MORE = {
    # name: value, broken rule
    "a JSON null": (b"null", "malformed"),
    "a list": (b"[1, 2]", "malformed"),
    "nested too deep": (b"[" * 100_000, "malformed"),
    "a NUL byte": (b"\x00", "malformed"),
    "a frame that lost a field": (b'{"frame_problem":"lost_id,retyped_price"}', "retyped_price"),
    "a frame that lost what nobody knows": (b'{"frame_problem":"lost_id,lost_hope"}', "malformed"),
    "half a surrogate": (b'"\xed\xa0\x80"', "malformed"),
    "900 kB of rubbish": (random.Random(7).randbytes(900_000), "malformed"),
}


def now_us() -> int:
    return time.time_ns() // 1000


def every_kind() -> tuple[list[Message], dict[str, tuple[bytes, str]]]:
    """One message of each kind, told apart by their frames, and by frame the value and the rule that it breaks."""
    chance = random.Random(1)
    values = {kind.name: (kind.make(GOOD, now_us(), chance), kind.violation) for kind in KINDS} | MORE
    found = [Message("yahoo_recording", name.encode(), GOOD, value) for name, (value, _) in values.items()]
    return found, values


def send_null(stack: Stack) -> None:
    """A tombstone: a message without a value, which our producer never sends."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka_bootstrap)
    producer.send(stack.topic, key=b"AAPL", value=None, headers=[("vendor_frame", b"a null")]).get(10)
    producer.close()


@pytest.mark.long
def test_each_kind_of_bad_message_is_rejected_for_its_reason_and_the_stream_goes_on(stack: Stack) -> None:
    bad, values = every_kind()
    stack.send([Message("yahoo_recording", b"good", GOOD)])
    stack.send(bad)
    send_null(stack)
    stack.drain()
    rejected = {row["frame"]: row for row in stack.sql(REJECTED)}
    assert set(rejected) == {*values, "a null"}
    assert "empty_value" in rejected["a null"]["violations"]
    for name, (_, rule) in values.items():
        assert rule in rejected[name]["violations"], name
    # odd, and good: the largest volume there is, and a unit that changes within a minute
    largest = "14:31:01 AAPL 123456789012.5 9223372036854775807"
    odd = [quote(largest), quote("14:31:02 AAPL 189.55 -", currency="EUR"), quote("14:31:03 AAPL 189.55 -")]
    stack.send([Message("yahoo_recording", b"good", item) for item in odd])
    stack.drain()
    assert stack.one("SELECT count(*) FROM silver.quotes") == "4"
    assert stack.sql("SELECT volume, vwap, currency FROM gold.bars_1m ORDER BY bar_start")[1:] == [
        {"volume": "9223372036854774807", "vwap": "123456789012.500000", "currency": "USD"}
    ]
    code, report, errors = call("verify")
    assert code == 0, report + errors


def test_a_rejected_message_keeps_its_bytes_and_headers_and_moves_no_watermark(stack: Stack) -> None:
    from jobs.lake import history
    from jobs.lake.tables import GOLD_BARS_1M_LOG

    value, frame = bytes(range(256)) * 3, b"\x00frame\xff"
    tomorrow = replace(GOOD, event_time_us=now_us() + 86_400_000_000)
    stack.send([
        Message("yahoo_recording", frame, GOOD, value),
        Message("yahoo", b"cannot be decoded", None),
        Message("yahoo_recording", b"good", GOOD),
        Message("yahoo_recording", b"tomorrow", tomorrow),
    ])
    stack.drain()
    rejected = stack.sql(f"""
        SELECT hex({FRAME.replace("headers", "r.headers")}) AS frame, hex(r.value) AS "value", r.key IS NULL AS no_key,
            array_to_string(violations, ' ') AS violations
        FROM silver.rejected r JOIN bronze.quotes b USING (topic, partition, "offset")
        WHERE r.value = b.value AND r.headers = b.headers AND r.key IS NOT DISTINCT FROM b.key""")
    found = {bytes.fromhex(row["frame"]): row for row in rejected}
    assert bytes.fromhex(found[frame]["value"]) == value
    assert (found[frame]["violations"], found[frame]["no_key"]) == ("malformed", "false")
    undecoded = found[b"cannot be decoded"]
    assert (undecoded["value"], undecoded["violations"], undecoded["no_key"]) == ("", "empty_value", "true")
    assert "future" in found[b"tomorrow"]["violations"].split()
    commits: list[Commit]
    _, commits = history.recent_commits(GOLD_BARS_1M_LOG, stack.settings)
    newest = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=GOOD.event_time_us)
    assert commits[0].watermark == {"yahoo_recording": newest}


@pytest.mark.long
@pytest.mark.usefixtures("compiled")
def test_100_000_fuzzed_messages_are_all_accounted_for(stack: Stack) -> None:
    chance = random.Random(20)
    good = [
        encode(quote(f"14:{n // 60:02d}:{n % 60:02d} MSFT {300 + n} {n + 1}"), receive_time_us=now_us())
        for n in range(600)
    ]
    today = f"{begun_sessions()[-1]}"
    dated = [encode(day_quote(f"{n}", trading_day=today), receive_time_us=now_us()) for n in range(1, 200)]
    values = [mutated(chance.choice(good + dated), chance) for _ in range(70_000)]
    values += [chance.randbytes(chance.randrange(200)) for _ in range(30_000)]
    stack.send(Message("yahoo_recording", b"", GOOD if chance.random() < 0.5 else None, v) for v in values)
    stack.send(Message("yahoo_recording", b"", GOOD, value) for value in good)
    stack.drain(max_offsets=60_000)
    counts = {
        table: int(stack.one(f"SELECT count(*) FROM {table}"))
        for table in ("bronze.quotes", "silver.quotes", "silver.rejected")
    }
    assert counts["bronze.quotes"] == 100_600
    assert counts["silver.quotes"] >= 600
    assert counts["silver.rejected"] > 90_000
    code, report, errors = call("verify")
    assert code == 0, report + errors


def mutated(value: bytes, chance: random.Random) -> bytes:
    """A good value with one to three bytes changed, dropped, doubled, or pieces of it moved."""
    changed = bytearray(value)
    for _ in range(chance.randint(1, 3)):
        at, kind = chance.randrange(max(1, len(changed))), chance.randrange(5)
        if kind == 0 and changed:
            changed[at] = chance.randrange(256)
        elif kind == 1:
            del changed[at : at + chance.randint(1, 9)]
        elif kind == 2:
            changed[at:at] = changed[at : at + chance.randint(1, 40)]
        elif kind == 3:
            changed[at:at] = bytes([chance.choice(b'0123456789-.eE"{}[]:,\\\x00\xff')])
        else:
            changed = changed[at:] + changed[:at]
    return bytes(changed)


def test_a_frame_that_the_broker_refuses_is_kept_in_a_file_with_the_reason(stack: Stack) -> None:
    frame = b"x" * 10_000_000
    sink = stack.send([
        Message("yahoo", b"small", None),
        Message("yahoo", frame, None),
        Message("yahoo", b"after", None),
    ])
    assert (sink.acknowledged, sink.refused) == (2, 1)
    (line,) = sink.refused_file.read_text().splitlines()
    kept = json.loads(line)
    assert base64.b64decode(kept["headers"]["vendor_frame"]) == frame
    assert "MessageSizeTooLarge" in kept["reason"]
    stack.drain()
    assert stack.one("SELECT count(*) FROM silver.rejected") == "2"
