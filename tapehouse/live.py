"""`tapehouse live`: Yahoo's live quotes through Kafka and the stream job, on the services of this checkout or yours."""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.lake.arguments import add_batch_arguments, symbols
from tapehouse.interruptions import INTERRUPTIONS, heed, undisturbed
from tapehouse.paths import STATE

if TYPE_CHECKING:
    from jobs.lake.instruments import Listing
    from jobs.lake.settings import Settings
    from producers.kafka_sink import KafkaSink
    from producers.live_feed import LiveFeed
    from producers.yahoo_stream import YahooStream
    from tapehouse.progress import Progress
    from tapehouse.quote_poller import QuotePoller
    from tapehouse.services.instance import Instance

VENDOR, SECOND = "yahoo", "alpha_vantage"
STEPS = 4
LOOK_EVERY = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--symbols",
        type=symbols,
        required=True,
        metavar="AAPL,BRK-B",
        help="in any spelling of conf/instruments.yaml",
    )
    parser.add_argument("--minutes", type=float, help="stop after so long (default: at Ctrl-C)")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="append the raw frames, for `make demo RECORDING=FILE`"
    )
    parser.add_argument(
        "--send-only",
        action="store_true",
        help="to Kafka and no further: the stream job runs elsewhere (always so on your own services)",
    )
    parser.add_argument(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help="show counters for Prometheus on this port",
    )
    parser.add_argument(
        "--metrics-host", default="127.0.0.1", metavar="HOST", help="at this address (default: %(default)s)"
    )
    add_batch_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the counts at the end as JSON")


def run(args: argparse.Namespace) -> int:
    from jobs.lake.settings import is_named, read_settings
    from tapehouse.context import NAMED_BY, own_services
    from tapehouse.page_program import start_page
    from tapehouse.progress import Progress
    from tapehouse.services.lock import sole_use
    from tapehouse.vendors import find_listings

    if is_named(NAMED_BY):
        settings = read_settings()
        return _follow(args, settings, find_listings(args.symbols, VENDOR, settings), Progress(1))
    instance = own_services()
    os.environ.update(instance.environment())
    settings = read_settings()
    listings = find_listings(args.symbols, VENDOR, settings)  # before anything is started
    progress = Progress(2 if args.send_only else STEPS)
    with sole_use(instance.folder):
        progress.step("services: PostgreSQL, S3 store, Kafka; they stay up until `make down`")
        instance.start(progress.detail)
        progress.detail(f"live page: {start_page(instance)} (until `make down`)")
        if not args.send_only:
            return _with_job(args, settings, listings, instance, progress)
    # from here on it changes nothing of the instance: others may
    return _follow(args, settings, listings, progress)


def _with_job(
    args: argparse.Namespace,
    settings: "Settings",
    listings: "list[Listing]",
    instance: "Instance",
    progress: "Progress",
) -> int:
    """Follow beside a stream job of its own, which has read everything when it is stopped."""
    from tapehouse.stream_job import JOB, StreamJob

    heed()
    job = StreamJob(instance, args, progress)
    try:
        job.wait_until_ready()
        code = _follow(args, settings, listings, progress, look=job.must_live)
        heed()  # the loop has put its own handlers away
        job.drain()
    finally:
        with undisturbed():
            instance.stop_job(JOB)
    job.must_have_ended_well()
    return code


def _follow(
    args: argparse.Namespace,
    settings: "Settings",
    listings: "list[Listing]",
    progress: "Progress",
    *,
    look: Callable[[], None] = lambda: None,
) -> int:
    """Take frames until it is stopped; the exit code."""
    from contextlib import ExitStack

    from producers.frame_file import FrameRecorder
    from producers.kafka_sink import KafkaSink
    from producers.live_feed import LiveFeed
    from producers.yahoo_stream import URL, YahooStream
    from tapehouse.ledger_watch import LedgerWatch

    refused = STATE / "refused" / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    spelt = [listing.listed_symbol for listing in listings]
    with ExitStack() as closing:
        recorder = closing.enter_context(FrameRecorder(args.record)) if args.record else None
        sink = closing.enter_context(
            KafkaSink(kafka=settings.kafka, topic=settings.topic, refused_file=refused)
        )
        feed = LiveFeed(sink, recorder=recorder)
        url = settings.yahoo_stream_url or URL
        stream = YahooStream(spelt, feed.frames, is_trading=lambda: bool(_open_now(listings)), url=url)
        progress.step(f"live: {len(spelt)} symbols over {len(stream.connections)} connections, until Ctrl-C")
        _prepare(args, listings, progress)
        poller = _second_source(args, settings, sink, progress)
        tallies = {stream.source: feed.tally} | ({SECOND: poller.tally} if poller else {})
        closing.enter_context(LedgerWatch(settings, tallies, shows=bool(args.metrics_port)))
        if poller:
            closing.enter_context(poller)  # and left before the watch looks for the last time
        began = time.monotonic()
        asyncio.run(_watch(args, feed, stream, poller, progress, look))
    counts = _counts(feed, stream, poller, sink, time.monotonic() - began)
    return _tell(counts, refused, poller, as_json=args.json)


def _prepare(args: argparse.Namespace, listings: "list[Listing]", progress: "Progress") -> None:
    from producers import metrics

    if args.metrics_port:
        metrics.serve(args.metrics_port, host=args.metrics_host)
    if not _open_now(listings):
        progress.detail("no exchange of these is open now: little or nothing comes until one is")


def _second_source(
    args: argparse.Namespace, settings: "Settings", sink: "KafkaSink", progress: "Progress"
) -> "QuotePoller | None":
    from tapehouse.quote_poller import QuotePoller, find_asked

    asked = find_asked(args.symbols, settings, progress.detail)
    return QuotePoller(settings, asked, sink) if asked else None


def _tell(counts: dict[str, object], refused: Path, poller: "QuotePoller | None", *, as_json: bool) -> int:
    """What came of it; exit code 1 if Kafka refused a message, or the second source the key."""
    print(json.dumps(counts) if as_json else ", ".join(f"{value} {name}" for name, value in counts.items()))
    if counts["refused"]:
        print(f"what was refused is kept in {refused}", file=sys.stderr)
    if poller and poller.ended:
        print(f"{SECOND} was not asked any more: {poller.ended}", file=sys.stderr)
    return 1 if counts["refused"] or (poller and poller.ended) else 0


async def _watch(
    args: argparse.Namespace,
    feed: "LiveFeed",
    stream: "YahooStream",
    poller: "QuotePoller | None",
    progress: "Progress",
    look: Callable[[], None],
) -> None:
    """Show what comes, until a signal, the end of the time, or an error."""
    from tapehouse.live_screen import LiveScreen

    stop = asyncio.Event()
    for number in INTERRUPTIONS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    end = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
    running = asyncio.create_task(feed.run(stream))
    stopping = asyncio.create_task(stop.wait())
    try:
        second = poller.tally if poller else None
        with LiveScreen(progress.console, feed.tally, stream, second=second) as screen:
            while not (stop.is_set() or running.done()) and time.monotonic() < end:
                screen.show()
                await asyncio.wait(
                    {running, stopping}, timeout=LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED
                )
                look()
                if poller:
                    poller.must_live()
    finally:
        for task in (running, stopping):
            task.cancel()
        (ended, _) = await asyncio.gather(running, stopping, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


def _open_now(listings: "list[Listing]") -> list[str]:
    from tapehouse.exchange_hours import is_open

    now = datetime.now(UTC)
    return sorted({listing.mic for listing in listings if is_open(listing.calendar, now)})


def _counts(
    feed: "LiveFeed", stream: "YahooStream", poller: "QuotePoller | None", sink: "KafkaSink", seconds: float
) -> dict[str, object]:
    ends = [end for connection in stream.connections for end in connection.ends.items()]
    return {
        "frames": feed.tally.frames,
        "quotes": feed.tally.quotes,
        "undecoded": feed.tally.undecoded,
        **({"quotes_of_alpha_vantage": poller.tally.quotes} if poller else {}),
        "acknowledged": sink.acknowledged,
        "refused": sink.refused,
        "reconnects": sum(times for _, times in ends),
        "seconds": round(seconds, 1),
    }
