"""spark-submit jobs/adjust_prices.py --session 2026-11-24 | --from 2026-11-24 --to 2026-11-25 [--json]

Serves the daily bars of some sessions with all their versions, all actions, and the prices that these adjust:
gold.bars_1d, gold.bars_1d_versions, gold.actions and gold.adjusted_bars_1d, each in one commit. Bars of the month
beside them get the flags that they give them; an instrument whose past is told otherwise is served anew, all of it.
Rows that are equal are not touched: run again it does nothing.
"""

import argparse
import sys

from jobs.lake.arguments import chosen_sessions, session_range
from jobs.lake.program import run_program


def main(argv: list[str] | None = None) -> int:
    args = session_range(argv, program="jobs/adjust_prices.py", about=str(__doc__))
    return run_program(lambda: serve(args), debug=args.debug, allow_empty=args.allow_empty)


def serve(args: argparse.Namespace) -> int:
    """Serve, and say what was done; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.gold_daily import adjust_prices
    from jobs.lake.settings import read_settings

    first, last = chosen_sessions(args)
    served = adjust_prices(read_settings(), first=first, last=last, wait=args.wait)
    if args.json:
        print(json.dumps([each._asdict() for each in served], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
