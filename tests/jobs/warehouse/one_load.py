"""python -m tests.jobs.warehouse.one_load [VERSION|--log-all]: a load of the tiny table by a process of its own."""

import logging
import sys

from jobs.lake.failpoints import arm
from jobs.lake.program import run_program
from jobs.lake.settings import read_settings
from jobs.warehouse.connect import open_warehouse
from jobs.warehouse.load import Loader
from tests.jobs.warehouse.tiny_lake import TINY


def load() -> int:
    arm()
    options = sys.argv[1:]
    if "--log-all" in options:
        options.remove("--log-all")
        logging.basicConfig(level=logging.DEBUG)
    settings = read_settings()
    loader = Loader(settings, lambda: open_warehouse(settings))
    try:
        loader.load(TINY, version=int(options[0]) if options else None)
    finally:
        loader.close()
    return 0


if __name__ == "__main__":
    sys.exit(run_program(load, debug=True))
