"""python -m tests.jobs.warehouse.one_load [VERSION]: a load of the tiny table by a process that a test can kill."""

import sys

from jobs.lake.failpoints import arm
from jobs.lake.program import run_program
from jobs.lake.settings import read_settings
from jobs.warehouse.connect import open_warehouse
from jobs.warehouse.load import Loader
from tests.jobs.warehouse.tiny_lake import TINY


def load() -> int:
    arm()
    settings = read_settings()
    loader = Loader(settings, lambda: open_warehouse(settings))
    try:
        loader.load(TINY, version=int(sys.argv[1]) if len(sys.argv) > 1 else None)
    finally:
        loader.close()
    return 0


if __name__ == "__main__":
    sys.exit(run_program(load, debug=True))
