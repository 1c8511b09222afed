"""The recorded hour as Yahoo sent it: over a websocket, through our client and Kafka, into the bars of the answers."""

import asyncio
from itertools import cycle
from pathlib import Path

import pytest

from producers.kafka_sink import KafkaSink
from producers.live_feed import LiveFeed
from producers.yahoo_stream import Pace
from tests.producers.test_live_feed import follow
from tests.stack import Stack
from tests.test_recorded_hour import BARS
from tests.vendors.recorded_frames import wire_frames
from tests.vendors.yahoo_stream import Client, YahooStreamer

ENDS = ("1000", "cut", "1011", "cut", "mute", "1000", "cut", "1011", "1000", "1011")
SILENT_AFTER = 1.0
# what a connection is sent again of what the one before had
REPEATED = 200

pytestmark = pytest.mark.usefixtures("compiled")


class Tape:
    """The frames, played on from connection to connection; each ends after its share, the last one stays."""

    def __init__(self, frames: list[tuple[str, bytes]], *, cuts: int) -> None:
        self._frames, self._cuts, self._ends = frames, cuts, cycle(ENDS)
        self.sent, self.is_mute = 0, False
        self._position = 0

    async def play(self, client: Client) -> None:
        self.is_mute = False
        share = -(-len(self._frames) // (self._cuts + 1))
        begin = max(0, self._position - REPEATED)
        end = min(len(self._frames), self._position + share)
        for symbol, frame in self._frames[begin:end]:
            assert await client.send(symbol, frame)
            self.sent += 1
        self._position = end
        if client.number <= self._cuts:
            await asyncio.sleep(0.5)  # a reset throws away what has not been read
            how = next(self._ends)
            self.is_mute = how == "mute"
            await client.end(how)


@pytest.mark.long
@pytest.mark.parametrize("cuts", [0, 20])
def test_the_recorded_frames_over_a_websocket_give_the_540_bars(
    stack: Stack, recorded_hour: Path, answers: list[dict[str, str]], cuts: int
) -> None:
    frames = wire_frames(recorded_hour)
    assert len(frames) == 14_842
    tape = Tape(frames, cuts=cuts)
    refused = stack.folder / "refused.jsonl"
    symbols = sorted({symbol for symbol, _ in frames})
    with (
        KafkaSink(kafka=stack.settings.kafka, topic=stack.topic, refused_file=refused) as sink,
        YahooStreamer(tape.play) as server,
    ):
        feed = LiveFeed(sink)
        pace = Pace(silent_after=SILENT_AFTER, first_pause=0.02, longest_pause=0.1)
        wanted = len(frames) + cuts * REPEATED
        stream = asyncio.run(
            follow(
                feed,
                server.url,
                *symbols,
                until=lambda: feed.tally.frames >= wanted,
                # silence is an end where it is meant: a busy machine is silent by itself
                is_trading=lambda: tape.is_mute,
                pace=pace,
                seconds=400,
            )
        )
    assert feed.tally.frames == tape.sent == wanted
    assert sum(stream.connections[0].ends.values()) == cuts
    stack.drain()
    assert stack.sql(BARS) == answers
