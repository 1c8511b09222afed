"""spark-submit jobs/check_parity.py --session 2026-11-24 | --from 2026-11-24 --to 2026-11-25 [--json]

Compares two ways to the bars of some sessions, column by column: the stream's minutes against those worked out again
from bronze, and minutes rolled up to the day against the daily bars. What differs stands in the ledger, table parity; a
session whose stream's bars differ is an open alert. It is a report: exit code 0, whatever it finds.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from jobs.lake.arguments import chosen_sessions, session_range
from jobs.lake.program import run_program

if TYPE_CHECKING:
    from jobs.lake.parity import Compared


def main(argv: list[str] | None = None) -> int:
    args = session_range(argv, program="jobs/check_parity.py", about=str(__doc__))
    return run_program(lambda: check(args), debug=args.debug, allow_empty=args.allow_empty)


def check(args: argparse.Namespace) -> int:
    """Compare, and say what was found; the imports wait until the options are known to be right."""
    import json

    from jobs.lake.parity import check_parity
    from jobs.lake.settings import read_settings

    first, last = chosen_sessions(args)
    found = check_parity(read_settings(), first=first, last=last, wait=args.wait)
    if args.json:
        print(json.dumps([each._asdict() for each in found], default=str, indent=1))
    else:
        show(found)
    return 0


def show(found: "list[Compared]") -> None:
    """A line for each kind and column, over all sessions."""
    print(f"{'what':18} {'column':20} {'compared':>12} {'mismatched':>12} {'rate':>8}  worst")
    for kind, column in dict.fromkeys((one.kind, one.column) for one in found):
        ones = [one for one in found if (one.kind, one.column) == (kind, column)]
        compared, mismatched = sum(one.compared for one in ones), sum(one.mismatched for one in ones)
        worst = max((one.worst for one in ones if one.worst is not None), default=None)
        rate = f"{mismatched / compared:.2%}" if compared else "-"
        largest = "" if worst is None else f"{worst:g}"
        print(f"{kind:18} {column:20} {compared:12,} {mismatched:12,} {rate:>8}  {largest}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
