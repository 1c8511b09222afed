"""python -m tests.faults [--scenario NAME] [--seed N] [--kills N]: meet faults, and prove that nothing was lost.

Without a scenario: those of `make prove`. One that fails prints the fault, what did not hold, and the options that
repeat it; exit code 1.
"""

import argparse
import signal
import sys

from tapehouse.services.profiles import LAPTOP, PROFILES
from tests.faults.fault import Options
from tests.faults.parts import BRIEF, PROVE
from tests.faults.run import SCENARIOS, stage


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__.split("\n\n")[1])
    parser.add_argument(
        "--scenario", choices=SCENARIOS, action="append", help="default: those of `make prove`"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=BRIEF.seed,
        help="of the tape, the order and the moments (default: %(default)s)",
    )
    parser.add_argument(
        "--kills", type=int, default=BRIEF.kills, help="at random instants (default: %(default)s)"
    )
    parser.add_argument(
        "--profile", choices=PROFILES, default=LAPTOP, help="the services (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    options = Options(args.seed, args.kills)
    names = args.scenario or PROVE
    # the services are stopped, and their data is removed, on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with stage(args.profile) as prove:
        return 0 if all(prove(name, options) for name in names) else 1


if __name__ == "__main__":
    sys.exit(main())
