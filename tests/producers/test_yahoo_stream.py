"""The stream client against a streamer on loopback that ends, breaks and falls silent."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from producers.errors import StreamError
from producers.yahoo_frames import encode_frame
from producers.yahoo_stream import Pace, Received, YahooStream, shards
from tests.vendors.yahoo_stream import Client, YahooStreamer, plays

QUICK = Pace(subscribe_again=0.2, silent_after=1.0, open_within=10.0, first_pause=0.02, longest_pause=0.1)
# longer than a busy machine is silent by itself
PATIENT = replace(QUICK, silent_after=10.0)


def frame(symbol: str, number: int) -> bytes:
    return encode_frame(id=symbol, price=10 + number, time=1_693_929_600_000 + 1000 * number, market_hours=1)


async def gather(
    server: YahooStreamer,
    *symbols: str,
    until: Callable[[list[bytes]], bool],
    is_trading: bool = True,
    pace: Pace = QUICK,
    seconds: float = 60,
) -> tuple[YahooStream, list[bytes]]:
    """Run a stream until what it has received is enough."""
    frames: asyncio.Queue[Received] = asyncio.Queue()
    stream = YahooStream(
        symbols or ("AAPL",), frames, is_trading=lambda: is_trading, url=server.url, pace=pace
    )
    taken: list[bytes] = []
    deadline = time.monotonic() + seconds
    running = asyncio.create_task(stream.run())
    while not until(taken):
        assert not running.done(), running.exception()
        assert time.monotonic() < deadline, f"{len(taken)} frames, {[c.ends for c in stream.connections]}"
        await asyncio.sleep(0.01)
        while not frames.empty():
            taken.append(frames.get_nowait().frame)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return stream, taken


async def run_for(
    seconds: float, *, url: str, frames: "asyncio.Queue[Received]", pace: Pace = QUICK
) -> YahooStream:
    stream = YahooStream(["AAPL"], frames, is_trading=lambda: True, url=url, pace=pace)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stream.run(), seconds)
    return stream


@pytest.mark.parametrize(
    ("end", "named"),
    [("1000", "closed_1000"), ("1011", "closed_1011"), ("cut", "cut"), ("mute", "silent")],
)
def test_the_stream_comes_back_after_every_end_and_subscribes_again(end: str, named: str) -> None:
    async def play(client: Client) -> None:
        await client.send("AAPL", frame("AAPL", client.number))
        await client.end(end)

    with YahooStreamer(play) as server:
        pace = QUICK if end == "mute" else PATIENT
        stream, taken = asyncio.run(gather(server, until=lambda taken: len(taken) >= 4, pace=pace))
        played = [frame("AAPL", number) for number in range(1, len(server.clients) + 1)]
        # a client that a busy machine cut for its silence may have had its frame on the way
        assert taken[:4] == [each for each in played if each in taken or end != "mute"][:4]
        assert stream.connections[0].ends == {named: stream.connections[0].ends[named]}
        assert stream.connections[0].ends[named] >= 3
        assert all(client.said[0] == {"subscribe": ["AAPL"]} for client in server.clients if client.said)


def test_silence_while_the_exchange_is_closed_is_no_reason_to_leave() -> None:
    async def play(client: Client) -> None:
        await client.send("AAPL", frame("AAPL", 1))
        await asyncio.sleep(3 * QUICK.silent_after)
        await client.send("AAPL", frame("AAPL", 2))

    with YahooStreamer(play) as server:
        stream, taken = asyncio.run(gather(server, is_trading=False, until=lambda taken: len(taken) >= 2))
        assert taken == [frame("AAPL", 1), frame("AAPL", 2)]
        assert stream.connections[0].ends == {}
        assert len(server.clients) == 1


@pytest.mark.long
def test_a_queue_that_is_full_is_not_silence_and_loses_nothing() -> None:
    sent = [("AAPL", frame("AAPL", number)) for number in range(3)]
    frames: asyncio.Queue[Received] = asyncio.Queue(1)

    async def run(url: str) -> list[bytes]:
        stream = await run_for(5, url=url, frames=frames, pace=replace(QUICK, silent_after=2.0))
        assert stream.connections[0].ends == {}
        assert frames.full()
        taken = []
        running = asyncio.create_task(run_for(60, url=url, frames=frames, pace=PATIENT))
        while len(taken) < 1 + len(sent):  # one had its place before, the connection was left with the others
            taken.append((await asyncio.wait_for(frames.get(), 30)).frame)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return taken

    with YahooStreamer(plays(sent)) as server:
        assert asyncio.run(run(server.url)) == [sent[0][1], *(raw for _, raw in sent)]


def test_frames_that_are_no_frames_are_taken_as_they_came() -> None:
    junk = [b"not json", b'{"type":"pricing","message":"@@"}', b'{"type":"x"}', b'{"message":""}']

    async def play(client: Client) -> None:
        for raw in junk:
            await client.socket.send(raw, text=True)
        await client.send("AAPL", frame("AAPL", 1))

    with YahooStreamer(play) as server:
        _, taken = asyncio.run(gather(server, until=lambda taken: len(taken) >= 5, pace=PATIENT))
    assert taken == [*junk, frame("AAPL", 1)]


def test_five_hundred_symbols_go_over_connections_of_at_most_a_hundred() -> None:
    symbols = [f"S{number}" for number in range(503)]
    assert sorted(symbol for shard in shards(symbols + symbols[:9]) for symbol in shard) == sorted(symbols)
    frames = [(symbol, frame(symbol, number)) for number, symbol in enumerate(symbols)]
    with YahooStreamer(plays(frames)) as server:
        stream, taken = asyncio.run(
            gather(server, *symbols, until=lambda taken: len(taken) >= len(symbols), pace=PATIENT)
        )
        # each was subscribed where it was not one too many
        assert sorted(taken) == sorted(raw for _, raw in frames)
        assert len(stream.connections) == 6
        assert max(len(client.said[0]["subscribe"]) for client in server.clients) <= 100


def test_the_subscription_is_repeated_on_an_open_connection() -> None:
    with YahooStreamer(plays([])) as server:
        asyncio.run(
            gather(
                server,
                "AAPL",
                "MSFT",
                is_trading=False,
                until=lambda _: bool(server.clients) and len(server.clients[0].said) >= 3,
            )
        )
        assert server.clients[0].said[:3] == [{"subscribe": ["AAPL", "MSFT"]}] * 3


def test_a_server_that_is_not_there_is_tried_again_until_it_is() -> None:
    stream = asyncio.run(run_for(2, url="ws://127.0.0.1:9/", frames=asyncio.Queue()))
    # pauses double up to the longest: neither a storm nor a stop
    assert 2 <= stream.connections[0].ends["unreachable"] <= 40


def test_a_server_that_stays_away_is_given_up() -> None:
    pace = Pace(first_pause=0.02, longest_pause=0.1, give_up_after=0.5)
    frames: asyncio.Queue[Received] = asyncio.Queue()
    stream = YahooStream(["AAPL"], frames, is_trading=lambda: True, url="ws://127.0.0.1:9/", pace=pace)
    with pytest.raises(StreamError, match="unreachable"):
        asyncio.run(asyncio.wait_for(stream.run(), 10))


def test_only_the_vendors_own_address_bears_its_name() -> None:
    frames: asyncio.Queue[Received] = asyncio.Queue()
    assert YahooStream(["AAPL"], frames, is_trading=lambda: True).source == "yahoo"
    elsewhere = YahooStream(["AAPL"], frames, is_trading=lambda: True, url="ws://127.0.0.1:1/")
    assert elsewhere.source == "yahoo_recording"
