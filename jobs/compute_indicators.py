"""spark-submit jobs/compute_indicators.py --session 2026-11-24 | --from 2026-11-24 --to 2026-11-25 [--json]

Works out the indicators of the instruments that have a bar in some sessions, of all their sessions, and of those whose
adjusted prices have changed since: gold.indicators_1d, in one commit. Rows that are equal are not touched, a row that
changes gets the next revision: run again it does nothing.
"""

import argparse
import sys

from jobs.lake.arguments import chosen_sessions, session_range
from jobs.lake.program import run_program


def main(argv: list[str] | None = None) -> int:
    args = session_range(argv, program="jobs/compute_indicators.py", about=str(__doc__))
    return run_program(lambda: compute(args), debug=args.debug, allow_empty=args.allow_empty)


def compute(args: argparse.Namespace) -> int:
    """Compute, and say what was done; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.indicators_daily import compute_indicators
    from jobs.lake.settings import read_settings

    first, last = chosen_sessions(args)
    done = compute_indicators(read_settings(), first=first, last=last, wait=args.wait)
    if args.json:
        print(json.dumps(done._asdict(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
