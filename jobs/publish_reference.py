"""spark-submit jobs/publish_reference.py [--json]

Publishes the instruments of conf/instruments.yaml and the sessions of their exchanges: gold.instruments and
gold.sessions, each in one commit. Rows that are equal are not touched: run again it does nothing.
"""

import argparse
import sys

from jobs.lake.arguments import add_job_arguments
from jobs.lake.program import run_program


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jobs/publish_reference.py", description=str(__doc__).split("\n\n")[1]
    )
    add_job_arguments(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    return run_program(lambda: publish(args), debug=args.debug, allow_empty=args.allow_empty)


def publish(args: argparse.Namespace) -> int:
    """Publish, and say what was done; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.reference import publish_reference
    from jobs.lake.settings import read_settings

    published = publish_reference(read_settings(), wait=args.wait)
    if args.json:
        print(json.dumps([each._asdict() for each in published], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
