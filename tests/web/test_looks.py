"""What the ledger is asked, with one that answers."""

import subprocess
import sys
from contextlib import closing

import pytest

from jobs.lake.ledger import Ledger
from tapehouse.web.looks import RUNS, OperationsLook
from tests.web.lake import PageLake

KILLED = """import os, signal
from jobs.lake.ledger import Ledger
from jobs.lake.settings import read_settings
with Ledger(read_settings()).run("page_test_killed"):
    os.kill(os.getpid(), signal.SIGKILL)"""


def test_runs_of_the_day_are_counted_and_one_that_was_killed_has_failed(lake: PageLake) -> None:
    look = OperationsLook(lake.settings)
    before = look()
    with lake.named():
        subprocess.run([sys.executable, "-c", KILLED], check=False)
    (killed,) = [one for one in look().programs if one["job"] == "page_test_killed"]
    assert (killed["state"], killed["error"], killed["has_died"]) == ("failed", "its process is gone", True)
    with (
        closing(Ledger(lake.settings)) as ledger,
        pytest.raises(OSError, match="no room"),
        ledger.run("failing"),
    ):
        raise OSError("no room")
    for _ in range(RUNS):
        with closing(Ledger(lake.settings)) as ledger, ledger.run("page_test_done"):
            pass
    found = look()
    assert {one["job"] for one in found.programs} == {"page_test_done"}
    assert (found.today - before.today, found.failed - before.failed) == (RUNS + 2, 1)
