"""spark-submit jobs/check_completeness.py --from 2026-11-24 --to 2026-11-25 [--json]

Compares what conf/instruments.yaml says is followed with what was received, in every session that is over: what is
missing is gold.gaps, in one commit, and what is to be fetched of it the ledger's list. Rows that are equal are
not touched: run again it does nothing.
"""

import argparse
import sys

from jobs.lake.arguments import session_range
from jobs.lake.program import run_program


def main(argv: list[str] | None = None) -> int:
    args = session_range(argv, program="jobs/check_completeness.py", about=str(__doc__))
    return run_program(lambda: check(args), debug=args.debug)


def check(args: argparse.Namespace) -> int:
    """Check, and say what was done; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.arguments import refuse_empty_range
    from jobs.lake.completeness import check_completeness
    from jobs.lake.settings import read_settings

    refuse_empty_range(args.first, args.last)
    settled = check_completeness(read_settings(), first=args.first, last=args.last)
    if args.json:
        print(json.dumps(settled._asdict(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
