"""A process that holds the lease of the stream as its driver does."""

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from tests.web.lake import PageLake

DRIVER = """import sys
from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.settings import read_settings
settings = read_settings()
ledger = Ledger(settings)
with ledger.run("stream_quotes", topic=settings.topic):
    lease = Lease(settings, settings.topic, run_id=ledger.run_id)
    lease.acquire()
    ledger.mark_ready()
    print("ready", flush=True)
    sys.stdin.read()
    lease.close()"""


@contextmanager
def driver(lake: PageLake) -> Generator["subprocess.Popen[str]", None, None]:
    """It runs and renews for the length of a block; it may be stopped and continued."""
    with lake.named():
        process = subprocess.Popen(
            [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=30)
