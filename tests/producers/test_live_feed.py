"""From a streamer's socket to messages that Kafka has acknowledged, and to a recording."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from prometheus_client import REGISTRY

from producers.frame_file import FrameRecorder
from producers.kafka_sink import KafkaSink
from producers.live_feed import LiveFeed
from producers.recording import read_recording
from producers.yahoo_frames import encode_frame
from producers.yahoo_stream import Pace, YahooStream
from tests.stack import Stack
from tests.vendors.yahoo_stream import Client, YahooStreamer, plays

QUICK = Pace(first_pause=0.02, longest_pause=0.1)
T = 1_693_929_600_000


def frame(symbol: str, second: int, price: float = 10.0) -> bytes:
    return encode_frame(
        id=symbol, price=price, time=T + 1000 * second, market_hours=1, day_volume=100 + second
    )


async def follow(
    feed: LiveFeed,
    url: str,
    *symbols: str,
    until: Callable[[], bool],
    is_trading: Callable[[], bool] = lambda: True,
    pace: Pace = QUICK,
    seconds: float = 120,
) -> YahooStream:
    """Run the feed until it has what is waited for, then stop it as Ctrl-C does."""
    stream = YahooStream(symbols, feed.frames, is_trading=is_trading, url=url, pace=pace)
    running = asyncio.create_task(feed.run(stream))
    deadline = time.monotonic() + seconds
    while not until():
        assert not running.done(), running.exception()
        assert time.monotonic() < deadline, feed.tally
        await asyncio.sleep(0.01)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return stream


def feed_from(
    stack: Stack, play: Callable[[Client], Awaitable[None]], *symbols: str, frames: int, record: Path
) -> tuple[LiveFeed, KafkaSink]:
    sink = KafkaSink(
        kafka=stack.settings.kafka,
        topic=stack.topic,
        refused_file=stack.folder / "refused.jsonl",
    )
    with sink, FrameRecorder(record) as recorder, YahooStreamer(play) as server:
        feed = LiveFeed(sink, recorder=recorder)
        asyncio.run(follow(feed, server.url, *symbols, until=lambda: feed.tally.frames >= frames))
    return feed, sink


def counted(name: str) -> float:
    """A counter as Prometheus reads it."""
    return REGISTRY.get_sample_value(f"tapehouse_{name}_total", {"source": "yahoo_recording"}) or 0.0


def test_every_frame_is_acknowledged_and_a_bad_one_is_kept_aside(stack: Stack, tmp_path: Path) -> None:
    good = [("AAPL", frame("AAPL", second)) for second in range(2_000)]

    async def play(client: Client) -> None:
        for symbol, raw in good[:1_000]:
            await client.send(symbol, raw)
        await client.socket.send(b"Will be right back", text=True)
        for symbol, raw in good[1_000:]:
            await client.send(symbol, raw)

    before = {name: counted(name) for name in ("frames", "quotes", "frames_undecoded")}
    feed, sink = feed_from(stack, play, "AAPL", frames=2_001, record=tmp_path / "tape")
    grown = {name: counted(name) - value for name, value in before.items()}
    assert grown == {"frames": 2_001, "quotes": 2_000, "frames_undecoded": 1}
    assert (feed.tally.frames, feed.tally.quotes, feed.tally.undecoded) == (2_001, 2_000, 1)
    assert (sink.sent, sink.acknowledged, sink.refused) == (2_001, 2_001, 0)


def test_a_frame_that_is_days_old_is_sent_and_is_never_the_newest(stack: Stack, tmp_path: Path) -> None:
    frames = [("AAPL", frame("AAPL", second, price)) for second, price in ((100, 12.5), (-200_000, 9.0))]
    feed, sink = feed_from(stack, plays(frames), "AAPL", frames=2, record=tmp_path / "tape")
    assert sink.acknowledged == 2
    assert feed.tally.newest["AAPL"].price == "12.5"


def test_a_recording_gives_the_frames_again_byte_for_byte(stack: Stack, tmp_path: Path) -> None:
    sent = [frame("AAPL", 1), b"Will be right back", frame("MSFT", 2)]

    async def play(client: Client) -> None:
        for raw in sent:
            await client.socket.send(raw, text=True)

    before = time.time_ns() // 1000
    feed_from(stack, play, "AAPL", "MSFT", frames=3, record=tmp_path / "tape")
    deliveries = read_recording(tmp_path / "tape")
    assert [delivery.message.frame for delivery in deliveries] == sent
    assert [delivery.kind for delivery in deliveries] == ["quote", "malformed", "quote"]
    assert {delivery.message.source for delivery in deliveries} == {"yahoo_recording"}
    assert before <= deliveries[0].at_us <= deliveries[-1].at_us <= time.time_ns() // 1000
    # a second session goes on in the same file
    feed_from(stack, play, "AAPL", "MSFT", frames=3, record=tmp_path / "tape")
    assert len(read_recording(tmp_path / "tape")) == 6
    # a line that the disk kept only half of is sent undecoded
    with (tmp_path / "tape").open("ab") as file:
        file.write(b"1693929600000000 AAA")
    assert [delivery.kind for delivery in read_recording(tmp_path / "tape")][-1] == "malformed"
