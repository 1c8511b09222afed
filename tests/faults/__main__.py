"""python -m tests.faults [--scenario NAME] [--seed N] [--kills N]: kill the driver, and prove that nothing was lost.

A scenario that fails prints what did not hold, and the seed that repeats it; exit code 1.
"""

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tapehouse.services.instance import Instance, running
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
    # the services are stopped, and their data is removed, on the way out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with (
        tempfile.TemporaryDirectory(prefix="tapehouse-faults-", ignore_cleanup_errors=True) as folder,
        ExitStack() as at_end,
    ):
        place = Path(folder) / "local"
        at_end.callback(Instance(place).remove)
        instance = at_end.enter_context(running(place, lambda line: print(line, file=sys.stderr)))
        for name in args.scenario or SCENARIOS:
            if not prove(name, instance, Path(folder), args):
                return 1
    return 0


def prove(name: str, instance: Instance, folder: Path, args: argparse.Namespace) -> bool:
    began = time.monotonic()
    lake = Lake(instance, folder, name, read_tape(args.seed))
    try:
        if name == "failpoints":
            done = kills.at_failpoints(lake, args.seed)
        else:
            done = kills.at_random_instants(lake, args.seed, kills=args.kills)
    except AssertionError as error:
        print(f"FAILED {name}, repeat it with --seed {args.seed}: {error}", file=sys.stderr)
        return False
    finally:
        lake.close()
    seconds = time.monotonic() - began
    print(f"ok {name}: {done} kills, {lake.sent:,} messages, {seconds:.0f} s, seed {args.seed}")
    return True


if __name__ == "__main__":
    sys.exit(main())
