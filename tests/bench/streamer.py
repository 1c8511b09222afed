"""python -m tests.bench.streamer --rate N --seconds N: a streamer of 500 symbols, in a process of its own.

Prints its address. Once every symbol is subscribed it sends at the rate, prints how many frames went out and when the
last of them did, and stays until it is told to end.
"""

import argparse
import asyncio
import json
import signal
import threading
import time

from producers.yahoo_frames import encode_frame
from tests.bench.symbols import SYMBOLS
from tests.vendors.yahoo_stream import Client, YahooStreamer

TICK = 0.01
FIRST_MS = 1_709_737_200_000  # 10:00 in New York on 2024-03-06


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tests.bench.streamer", description=(__doc__ or "").split("\n\n")[1]
    )
    parser.add_argument("--rate", type=int, required=True, help="frames a second")
    parser.add_argument("--seconds", type=int, required=True)
    args = parser.parse_args()
    stop, sent = threading.Event(), [0]
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    async def play(client: Client) -> None:
        """Each connection has its symbols' share of the rate, from the moment on when all are subscribed."""
        while sum(len(other.symbols) for other in server.clients) < len(SYMBOLS):
            await asyncio.sleep(0.1)
        symbols = sorted(client.symbols)
        rate = args.rate * len(symbols) / len(SYMBOLS)
        begin, number = time.monotonic(), 0
        while number < rate * args.seconds:
            due = min(rate * args.seconds, rate * (time.monotonic() - begin))
            while number < due:
                symbol = symbols[number % len(symbols)]
                await client.send(symbol, _frame(symbol, number))
                number += 1
                sent[0] += 1
            await asyncio.sleep(TICK)

    with YahooStreamer(play) as server:
        print(json.dumps({"url": server.url}), flush=True)
        wanted, told = args.rate * args.seconds, False
        while not stop.wait(0.1):
            if sent[0] >= wanted and not told:
                told = True
                print(json.dumps({"sent": sent[0], "at": time.time()}), flush=True)
    return 0


def _frame(symbol: str, number: int) -> bytes:
    """Another quote each time: a second later, and some shares more."""
    return encode_frame(
        id=symbol,
        price=100 + number % 100 / 100,
        time=FIRST_MS + 1000 * (number // 100),
        exchange="NMS",
        quote_type=8,
        market_hours=1,
        day_volume=1_000_000 + number,
        price_hint=2,
    )


if __name__ == "__main__":
    raise SystemExit(main())
