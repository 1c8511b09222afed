"""spark-submit jobs/build_minutes.py --session 2026-11-24 | --from 2026-11-24 --to 2026-11-25 [--json]

Works out every version of the vendors' minute bars of some sessions from bronze.history, and serves the stream's bars
and theirs: silver.vendor_bars_1m and gold.minutes, each in one commit. Rows that are equal are not touched: run again
it does nothing.
"""

import argparse
import sys

from jobs.lake.arguments import chosen_sessions, session_range
from jobs.lake.program import run_program


def main(argv: list[str] | None = None) -> int:
    args = session_range(argv, program="jobs/build_minutes.py", about=str(__doc__))
    return run_program(lambda: build(args), debug=args.debug, allow_empty=args.allow_empty)


def build(args: argparse.Namespace) -> int:
    """Build, and say what was done; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.minutes_build import build_minutes
    from jobs.lake.settings import read_settings

    first, last = chosen_sessions(args)
    built = build_minutes(read_settings(), first=first, last=last, wait=args.wait)
    if args.json:
        print(json.dumps([each._asdict() for each in built], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
