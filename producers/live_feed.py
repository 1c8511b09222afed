"""The frames of a live stream to Kafka: each decoded, counted, and recorded if that is asked for."""

import asyncio
import time
from dataclasses import dataclass

from producers import metrics
from producers.events import Message, Quote
from producers.frame_file import FrameRecorder
from producers.kafka_sink import KafkaSink
from producers.yahoo_frames import decode_frame
from producers.yahoo_stream import Received, YahooStream

# frames that wait for Kafka; then the vendor has to
QUEUE = 20_000
AT_ONCE = 500


@dataclass
class Counts:
    """What came, and what of it was a quote; the rest goes to Kafka undecoded."""

    frames: int = 0
    quotes: int = 0

    @property
    def undecoded(self) -> int:
        return self.frames - self.quotes


class LiveFeed:
    """Hands over what a stream puts into its queue. `newest` is the quote with the newest event of each symbol.

    The first frame after a subscription may be days old: it is sent like any other, and never the newest again.
    """

    def __init__(self, sink: KafkaSink, *, recorder: FrameRecorder | None = None) -> None:
        self._sink, self._recorder = sink, recorder
        self.frames: asyncio.Queue[Received] = asyncio.Queue(QUEUE)
        self.counts = Counts()
        self.newest: dict[str, Quote] = {}
        # what the vendor changed in its frames, and when the last such frame came, by the monotonic clock
        self.drift: dict[str, float] = {}

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
            self._count(message)

    def _count(self, message: Message) -> None:
        self.counts.frames += 1
        metrics.FRAMES.labels(message.source).inc()
        self._note_drift(message)
        quote = message.quote
        if quote is None:
            metrics.UNDECODED.labels(message.source).inc()
            return
        self.counts.quotes += 1
        metrics.QUOTES.labels(message.source).inc()
        known = self.newest.get(quote.vendor_symbol)
        if known is None or known.event_time_us <= quote.event_time_us:
            self.newest[quote.vendor_symbol] = quote

    def _note_drift(self, message: Message) -> None:
        for field in message.unknown:
            metrics.UNKNOWN_FIELDS.labels(message.source, field).inc()
            self.drift[f"unknown_{field}"] = time.monotonic()
        for problem in message.problems:
            metrics.FRAME_PROBLEMS.labels(message.source, problem).inc()
            self.drift[problem] = time.monotonic()
        if message.quote is None and not message.problems:
            self.drift["undecodable"] = time.monotonic()
