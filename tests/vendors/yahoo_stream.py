"""Yahoo's streamer: base64 protobuf in JSON over a websocket, for what was subscribed on that connection."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

LIMIT = 100


@dataclass
class Client:
    """One connection, numbered from 1 on: what it may receive, and what it said, in order."""

    number: int
    socket: ServerConnection
    symbols: set[str] = field(default_factory=set)
    said: list[dict[str, Any]] = field(default_factory=list)
    subscribed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, symbol: str, frame: bytes) -> bool:
        """Send a frame if its symbol was subscribed here; whether it was."""
        if symbol not in self.symbols:
            return False
        await self.socket.send(frame, text=True)
        return True

    async def end(self, how: str) -> None:
        """`cut` resets the connection, `mute` goes on without a word, a number is a close code."""
        if how == "cut":
            self.socket.transport.abort()
        elif how == "mute":
            await asyncio.Event().wait()
        else:
            await self.socket.close(int(how))


class YahooStreamer:
    """A server on a free port, in a thread of its own, for the length of a block.

    `play` is run for each connection once it has subscribed. Of one connection's symbols those beyond the 100th are
    dropped without a word, as the vendor does.
    """

    def __init__(self, play: Callable[[Client], Awaitable[None]]) -> None:
        self._play = play
        self.clients: list[Client] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="yahoo-streamer", daemon=True)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/?version=2"

    def __enter__(self) -> "YahooStreamer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(self._open())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _open(self) -> Server:
        server = await serve(self._meet, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _meet(self, socket: ServerConnection) -> None:
        client = Client(len(self.clients) + 1, socket)
        self.clients.append(client)
        listening = asyncio.create_task(self._listen(client))
        try:
            await client.subscribed.wait()
            await self._play(client)
            await listening
        except ConnectionClosed:
            pass  # the client went first
        finally:
            listening.cancel()

    async def _listen(self, client: Client) -> None:
        async for text in client.socket:
            said = json.loads(text)
            client.said.append(said)
            for symbol in said.get("subscribe", ()):
                if len(client.symbols) < LIMIT:
                    client.symbols.add(symbol)
            client.symbols -= set(said.get("unsubscribe", ()))
            client.subscribed.set()


def plays(frames: Sequence[tuple[str, bytes]]) -> Callable[[Client], Awaitable[None]]:
    """Every connection is sent those of the frames that it has subscribed to, and is then left open."""

    async def play(client: Client) -> None:
        for symbol, frame in frames:
            await client.send(symbol, frame)

    return play
