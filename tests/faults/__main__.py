"""python -m tests.faults [--scenario NAME] [--seed N] [--kills N]: kill the driver, and prove that nothing was lost.

A scenario that fails prints what did not hold, and the seed that repeats it; exit code 1.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tapehouse.services.instance import running
from tests.faults import kills
from tests.faults.lake import Lake, read_tape

SCENARIOS = ("failpoints", "instants")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.faults", description=__doc__.split("\n\n")[1])
    parser.add_argument("--scenario", choices=SCENARIOS, action="append", help="default: all")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the tape, the order and the moments (default: 1)"
    )
    parser.add_argument("--kills", type=int, default=3, help="at random instants (default: 3)")
    args = parser.parse_args(argv)
    with (
        tempfile.TemporaryDirectory(prefix="tapehouse-faults-", ignore_cleanup_errors=True) as folder,
        running(Path(folder) / "local", lambda line: print(line, file=sys.stderr)) as instance,
    ):
        for name in args.scenario or SCENARIOS:
            began = time.monotonic()
            lake = Lake(instance, Path(folder), name, read_tape(args.seed))
            try:
                if name == "failpoints":
                    done = kills.at_failpoints(lake, args.seed)
                else:
                    done = kills.at_random_instants(lake, args.seed, kills=args.kills)
            except AssertionError as error:
                print(f"FAILED {name}, repeat it with --seed {args.seed}: {error}", file=sys.stderr)
                return 1
            finally:
                lake.close()
            seconds = time.monotonic() - began
            print(f"ok {name}: {done} kills, {lake.sent:,} messages, {seconds:.0f} s, seed {args.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
