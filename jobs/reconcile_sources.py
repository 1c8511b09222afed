"""spark-submit jobs/reconcile_sources.py --session 2026-11-24 | --from 2026-11-24 --to 2026-11-25 [--json]

Compares the daily bars of all sources, each as it is known now, and the vendors' minutes with them: where they differ
beyond what they may is gold.discrepancies, in one commit, and what somebody has to look at the ledger's list. Rows that
are equal are not touched: run again it does nothing.
"""

import argparse
import sys

from jobs.lake.arguments import chosen_sessions, session_range
from jobs.lake.program import run_program


def main(argv: list[str] | None = None) -> int:
    args = session_range(argv, program="jobs/reconcile_sources.py", about=str(__doc__))
    return run_program(lambda: check(args), debug=args.debug, allow_empty=args.allow_empty)


def check(args: argparse.Namespace) -> int:
    """Check, and say what was done; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.reconciliation import reconcile_sources
    from jobs.lake.settings import read_settings

    first, last = chosen_sessions(args)
    settled = reconcile_sources(read_settings(), first=first, last=last, wait=args.wait)
    if args.json:
        print(json.dumps(settled._asdict(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
