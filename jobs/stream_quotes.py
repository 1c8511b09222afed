"""spark-submit jobs/stream_quotes.py [--trigger "2 seconds"|available-now] [--max-offsets N]

Quotes from Kafka into bronze.quotes, silver.quotes, silver.rejected and gold.bars_1m, until it is stopped (SIGTERM or
Ctrl-C: after the current batch, exit 0) or, with --trigger available-now, until the topic is drained.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from jobs.lake.program import run_program


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobs/stream_quotes.py", description=__doc__.split("\n\n")[1])
    parser.add_argument(
        "--trigger", default="0 seconds", help="time between batches, or available-now (default: %(default)s)"
    )
    parser.add_argument(
        "--max-offsets",
        type=int,
        default=200_000,
        help="messages in one batch at most (default: %(default)s)",
    )
    parser.add_argument(
        "--rebuild-checkpoint", action="store_true", help="begin at the ends that the tables record"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=0,
        help="seconds to wait for services that are still starting (default: 0)",
    )
    parser.add_argument("--debug", action="store_true", help="show the stack of an error")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    return run_program(lambda: stream(args), debug=args.debug)


def stream(args: argparse.Namespace) -> int:
    """Run the query until it is stopped or drained; the imports wait until the options are known to be right."""
    from jobs.lake import read
    from jobs.lake.quote_stream import QuoteStream
    from jobs.lake.session import build_session
    from jobs.lake.settings import read_settings
    from jobs.lake.start import connect, open_checkpoint, take_over
    from jobs.lake.stop import StopRequest
    from jobs.lake.warm_up import warm_up

    settings = read_settings()
    with ThreadPoolExecutor(2) as aside:
        connecting = aside.submit(connect, settings, wait=args.wait)
        if not args.wait:
            connecting.result()  # what does not answer is said at once
        # the exchange calendars take seconds, which the JVM takes too
        reading = aside.submit(read.configuration, settings)
        spark = build_session("stream_quotes")
        stop = StopRequest(spark)
        instruments, sessions = reading.result()
        configuration = read.listings_frame(spark, instruments), read.sessions_frame(spark, sessions)
        warming = aside.submit(warm_up, spark, listings=configuration[0], sessions=configuration[1])
        ledger, topic = connecting.result()
    with ledger.run("stream_quotes", topic=settings.topic, trigger=args.trigger):
        state = take_over(spark, settings, ledger, topic)
        checkpoint, starting_offsets = open_checkpoint(settings, state, rebuild=args.rebuild_checkpoint)
        quotes = QuoteStream(
            spark, settings, ledger, state, instruments=instruments, configuration=configuration
        )
        warming.result()
        messages = read.kafka_stream(
            spark, settings, starting_offsets=starting_offsets, max_offsets=args.max_offsets
        )
        query = quotes.start(messages, checkpoint=str(checkpoint.path), trigger=args.trigger)
        ledger.mark_ready()
        while query.isActive and not stop:
            query.awaitTermination(1)
            quotes.tick()
        quotes.stop(query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
