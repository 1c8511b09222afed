"""kill -9 of the live producer, which is sent the same frames again after each start."""

import asyncio
import signal
import threading
import time

from tapehouse.paths import VENV
from tests.faults.fault import Fault, Options
from tests.faults.lake import Lake, find_recording
from tests.processes import Program
from tests.vendors.recorded_frames import wire_frames
from tests.vendors.yahoo_stream import Client, YahooStreamer

LENGTH = 30.0  # seconds in which all frames are sent
TAKES_WITHIN, STOPS_WITHIN = 120, 60


def killed(lake: Lake, options: Options) -> None:
    """Again and again in the middle of the hour; the last one takes all of it and is stopped."""
    chance = options.chance()
    frames = _frames(lake)
    symbols = sorted({symbol for symbol, _ in frames})
    played = threading.Event()

    async def play(client: Client) -> None:
        pieces = int(LENGTH * 10)
        for piece in range(pieces):
            for symbol, frame in frames[len(frames) * piece // pieces : len(frames) * (piece + 1) // pieces]:
                await client.send(symbol, frame)
            await asyncio.sleep(0.1)
        played.set()

    driver = lake.driver(max_offsets=2_000)
    command = [VENV / "bin" / "tapehouse", "live", "--symbols", ",".join(symbols)]
    with YahooStreamer(play) as server:

        def start() -> Program:
            producer = lake.program(command, environment={"TAPEHOUSE_YAHOO_STREAM_URL": server.url})
            before = len(server.clients)
            producer.wait_for(lambda: len(server.clients) > before, what="its connection", seconds=60)
            return producer

        for _ in range(options.kills):
            producer = start()
            after = chance.uniform(1, LENGTH)
            lake.meet(Fault("the live producer", "kill -9", f"{after:.1f} s after its connection"))
            time.sleep(after)
            producer.kill()
        played.clear()
        producer = start()
        producer.wait_for(played.is_set, what="all frames", seconds=TAKES_WITHIN)
        time.sleep(2)
        producer.process.send_signal(signal.SIGTERM)
        assert producer.ended(seconds=STOPS_WITHIN) == 0, producer.last_words
    lake.sent = len(lake.tape)  # all of the hour, if not as the lake would have sent it
    lake.finish(driver)


def _frames(lake: Lake) -> list[tuple[str, bytes]]:
    if recording := find_recording():
        return wire_frames(recording)
    return [(message.quote.vendor_symbol, message.frame) for message in lake.tape if message.quote]
