"""Yahoo's live stream: supervised connections of at most 100 symbols each, which come back after whatever ended them.

yfinance's own `listen` spins after a clean close and never connects again; only its message PricingData is used.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog

from producers import metrics
from producers.errors import StreamError

URL = "wss://streamer.finance.yahoo.com/?version=2"
SOURCE, SOURCE_ELSEWHERE = "yahoo", "yahoo_recording"
# the vendor drops the 101st without a word
SYMBOLS_PER_CONNECTION = 100
LARGEST_FRAME = 1024 * 1024
# seconds. Its answer is not waited for: it stays unread while Kafka is waited for. What is gone without a word is found
# by the silence, or by the kernel, which gives up what it sends
PING_EVERY = 20.0
log = structlog.get_logger()


class Received(NamedTuple):
    """A frame exactly as it came, and when, in microseconds since 1970 in UTC."""

    frame: bytes
    received_us: int


@dataclass(frozen=True)
class Pace:
    """Seconds between the things that a connection does."""

    subscribe_again: float = 15.0
    silent_after: float = 60.0
    open_within: float = 10.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    give_up_after: float = 900.0


@dataclass
class Health:
    """What happened to one connection so far, by the monotonic clock.

    `last_frame` is None before the first, `waiting_since` while a frame waits for its place in the queue.
    """

    symbols: tuple[str, ...]
    is_open: bool = False
    opened: int = 0
    frames: int = 0
    last_frame: float | None = None
    waiting_since: float | None = None
    end: str = "never opened"
    ends: dict[str, int] = field(default_factory=dict)


class YahooStream:
    """Puts the frames of all symbols into a queue until it is cancelled; while that is full the vendor has to wait.

    `is_trading` says whether the exchange is open, when no frame for a minute means that the feed has died.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        frames: "asyncio.Queue[Received]",
        *,
        is_trading: Callable[[], bool],
        url: str = URL,
        pace: Pace | None = None,
    ) -> None:
        self._frames, self._is_trading = frames, is_trading
        self._url, self._pace = url, pace or Pace()
        self.connections = [Health(tuple(shard)) for shard in shards(symbols)]
        self._began = time.monotonic()
        metrics.SINCE_LAST_FRAME.labels(self.source).set_function(self._silence)

    @property
    def source(self) -> str:
        """What the quotes are called: only what comes from the vendor's own address bears its name."""
        return SOURCE if self._url == URL else SOURCE_ELSEWHERE

    def _silence(self) -> float:
        return time.monotonic() - min(health.last_frame or self._began for health in self.connections)

    async def run(self) -> None:
        """Ends only by being cancelled, or by the first connection that could not be opened for too long."""
        keeping = [asyncio.create_task(self._keep_connected(health)) for health in self.connections]
        try:
            await asyncio.gather(*keeping)
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    async def _keep_connected(self, health: Health) -> None:
        pause = self._pace.first_pause
        well = time.monotonic()
        while True:
            before = health.frames
            opened = await self._connect_once(health)
            if opened:
                well = time.monotonic()
            end = health.end
            health.ends[end] = health.ends.get(end, 0) + 1
            metrics.RECONNECTS.labels(self.source, end).inc()
            # a connection that has delivered was well: the pause grows only while none is
            pause = self._pace.first_pause if health.frames > before else pause
            if time.monotonic() - well > self._pace.give_up_after:
                raise StreamError(
                    f"{self._url} took no connection for {self._pace.give_up_after / 60:.0f} minutes",
                    found=f"the last one ended as {end}",
                    remedy="look whether this machine reaches it; TAPEHOUSE_YAHOO_STREAM_URL names another",
                )
            wait = pause * random.uniform(0.5, 1)
            log.warning("yahoo_reconnect", symbols=len(health.symbols), end=end, after_seconds=round(wait, 2))
            await asyncio.sleep(wait)
            pause = min(2 * pause, self._pace.longest_pause)

    async def _connect_once(self, health: Health) -> bool:
        """Connect and take frames until the connection ends, and note how; whether there was one."""
        before = health.opened
        health.end = await self._end_of_one(health)
        health.is_open = False
        return health.opened > before

    async def _end_of_one(self, health: Health) -> str:
        """Connect and take frames until the connection ends; the name of its end."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

        opening = connect(
            self._url,
            open_timeout=self._pace.open_within,
            ping_interval=PING_EVERY,
            ping_timeout=None,
            close_timeout=1,
            max_size=LARGEST_FRAME,
        )
        silent = asyncio.Event()
        try:
            async with opening as socket:
                health.is_open = True
                health.opened += 1
                await self._listen(socket, health, silent)
        except ConnectionClosed as error:
            return "silent" if silent.is_set() else f"closed_{error.rcvd.code}" if error.rcvd else "cut"
        except TimeoutError:
            return "no_answer"
        except (InvalidHandshake, InvalidMessage):
            return "refused"
        except OSError:
            return "unreachable"
        return "closed"

    async def _listen(self, socket: Any, health: Health, silent: asyncio.Event) -> None:
        health.waiting_since = time.monotonic()
        beside = [
            asyncio.create_task(self._subscribe(socket, health.symbols)),
            asyncio.create_task(self._watch(socket, health, silent)),
        ]
        try:
            while True:
                frame = await socket.recv(decode=False)
                received = Received(frame, time.time_ns() // 1000)
                health.frames += 1
                health.last_frame = time.monotonic()
                health.waiting_since = None
                await self._frames.put(received)
                health.waiting_since = time.monotonic()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _subscribe(self, socket: Any, symbols: tuple[str, ...]) -> None:
        from websockets.exceptions import ConnectionClosed

        with suppress(ConnectionClosed):  # whoever receives says so
            while True:
                await socket.send(json.dumps({"subscribe": symbols}))
                await asyncio.sleep(self._pace.subscribe_again)

    async def _watch(self, socket: Any, health: Health, silent: asyncio.Event) -> None:
        """End a connection on which nothing has come for too long while the exchange is open."""
        while not silent.is_set():
            await asyncio.sleep(self._pace.silent_after / 10)
            since = health.waiting_since
            waited = time.monotonic() - since if since is not None else 0.0
            if waited > self._pace.silent_after and self._is_trading():
                log.warning("yahoo_silent", symbols=len(health.symbols), seconds=round(waited, 1))
                silent.set()
                socket.transport.abort()


def shards(symbols: Sequence[str]) -> list[list[str]]:
    """The symbols, each once, in as many parts as there must be connections, all of about one size."""
    distinct = sorted(set(symbols))
    parts = -(-len(distinct) // SYMBOLS_PER_CONNECTION)
    return [distinct[number::parts] for number in range(parts)]
