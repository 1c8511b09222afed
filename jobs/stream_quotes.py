"""spark-submit jobs/stream_quotes.py [--trigger "2 seconds"|available-now] [--max-offsets N]

Quotes from Kafka into bronze.quotes, silver.quotes, silver.rejected and gold.bars_1m, until it is stopped (SIGTERM or
Ctrl-C: after the current batch, exit 0) or, with --trigger available-now, until the topic is drained.
"""

import argparse
import sys

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
    parser.add_argument("--debug", action="store_true", help="show the stack of an error")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    return run_program(lambda: stream(args), debug=args.debug)


def stream(args: argparse.Namespace) -> int:
    """Run the query until it is stopped or drained; the imports wait until the options are known to be right."""
    from jobs.lake import read
    from jobs.lake.ledger import Ledger
    from jobs.lake.quote_stream import QuoteStream
    from jobs.lake.session import build_session
    from jobs.lake.settings import read_settings
    from jobs.lake.start import open_checkpoint, take_over
    from jobs.lake.stop import StopRequest

    settings = read_settings()
    ledger = Ledger(settings)
    with ledger.run("stream_quotes", topic=settings.topic, trigger=args.trigger):
        spark = build_session("stream_quotes")
        stop = StopRequest(spark)
        state = take_over(spark, settings, ledger)
        checkpoint, starting_offsets = open_checkpoint(settings, state, rebuild=args.rebuild_checkpoint)
        quotes = QuoteStream(spark, settings, ledger, state)
        messages = read.kafka_stream(
            spark, settings, starting_offsets=starting_offsets, max_offsets=args.max_offsets
        )
        query = quotes.start(messages, checkpoint=str(checkpoint.path), trigger=args.trigger)
        while query.isActive and not stop:
            query.awaitTermination(1)
            quotes.tick()
        quotes.stop(query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
