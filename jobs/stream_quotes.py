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
    from jobs.lake.configuration import Configuration, read_facts
    from jobs.lake.drive import drive_quotes
    from jobs.lake.session import build_session
    from jobs.lake.settings import read_settings
    from jobs.lake.start import connect
    from jobs.lake.stop import StopRequest
    from jobs.lake.warm_up import warm_up

    settings = read_settings()
    with ThreadPoolExecutor(2) as aside:
        connecting = aside.submit(connect, settings, wait=args.wait)
        if not args.wait:
            connecting.result()  # what does not answer is said at once
        # the exchange calendars take seconds, which the JVM takes too
        reading = aside.submit(read_facts, settings)
        spark = build_session("stream_quotes", settings)
        stop = StopRequest(spark)
        configuration = Configuration(spark, settings, reading.result())
        warming = aside.submit(
            warm_up, spark, listings=configuration.listings, sessions=configuration.sessions
        )
        ledger, topic = connecting.result()
        drive_quotes(
            spark,
            settings,
            ledger,
            topic,
            configuration=configuration,
            trigger=args.trigger,
            max_offsets=args.max_offsets,
            rebuild_checkpoint=args.rebuild_checkpoint,
            before_start=warming.result,
            stop_asked=lambda: bool(stop),
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
