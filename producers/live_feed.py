"""The frames of a live stream to Kafka: each decoded, counted, and recorded if that is asked for."""

import asyncio

from producers.frame_file import FrameRecorder
from producers.kafka_sink import KafkaSink
from producers.tally import Tally
from producers.yahoo_frames import decode_frame
from producers.yahoo_stream import Received, YahooStream

# frames that wait for Kafka; then the vendor has to
QUEUE = 20_000
AT_ONCE = 500


class LiveFeed:
    """Hands over what a stream puts into its queue, and keeps a tally of it."""

    def __init__(self, sink: KafkaSink, *, recorder: FrameRecorder | None = None) -> None:
        self._sink, self._recorder = sink, recorder
        self.frames: asyncio.Queue[Received] = asyncio.Queue(QUEUE)
        self.tally = Tally()

    async def run(self, stream: YahooStream) -> None:
        """Until it is cancelled, or Kafka's client fails; what was received by then is handed over."""
        self._sending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sending.set_result(None)
        receiving = asyncio.create_task(stream.run())
        handing = asyncio.create_task(self._hand_over_all(stream.source))
        try:
            await asyncio.wait({receiving, handing}, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in (receiving, handing):
                task.cancel()
            ended = await asyncio.gather(receiving, handing, return_exceptions=True)
            # what was taken from the queue is nowhere else, nor is what still waits in it
            await self._sending
            await asyncio.to_thread(self._send, self._waiting(), stream.source)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _hand_over_all(self, source: str) -> None:
        while True:
            first = await self.frames.get()
            # Kafka's client may wait for room; others are received meanwhile
            received = [first, *self._waiting(AT_ONCE)]
            self._sending = asyncio.create_task(asyncio.to_thread(self._send, received, source))
            await asyncio.shield(self._sending)

    def _waiting(self, at_most: int = QUEUE) -> list[Received]:
        return [self.frames.get_nowait() for _ in range(min(at_most, self.frames.qsize()))]

    def _send(self, received: list[Received], source: str) -> None:
        for frame, received_us in received:
            if self._recorder:
                self._recorder.write(frame, received_us)
            message = decode_frame(frame, source=source)
            self._sink.send(message, received_us=received_us)
            self.tally.count(message)
