"""spark-submit jobs/stream_quotes.py [--trigger "2 seconds"|available-now] [--max-offsets N]

Quotes from Kafka into bronze.quotes, silver.quotes, silver.rejected and gold.bars_1m, until it is stopped (SIGTERM or
Ctrl-C: after the current batch, exit 0) or, with --trigger available-now, until the topic is drained.
"""

import argparse
import sys

from jobs.lake.arguments import add_batch_arguments
from jobs.lake.program import run_program


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobs/stream_quotes.py", description=__doc__.split("\n\n")[1])
    add_batch_arguments(parser)
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
    from jobs.lake.drive import run_quotes
    from jobs.lake.settings import read_settings

    pace = {"trigger": args.trigger, "max_offsets": args.max_offsets}
    run_quotes(read_settings(), wait=args.wait, **pace)
    return 0


if __name__ == "__main__":
    sys.exit(main())
