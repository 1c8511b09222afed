"""The stream job of the demo and of `live`: `spark-submit jobs/stream_quotes.py`, and what the ledger tells of it."""

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from jobs.lake.errors import ServiceError
from jobs.lake.kafka import TopicEnds, describe_topic
from jobs.lake.progress import exceeds
from jobs.lake.settings import read_settings
from tapehouse.ledger import LedgerReader
from tapehouse.paths import ROOT, VENV
from tapehouse.services import processes

if TYPE_CHECKING:
    from tapehouse.progress import Progress
    from tapehouse.services.instance import Instance

# a run of a minute: the optimizing compiler would take more of two cores than it gives back
QUICK_START = "spark.driver.defaultJavaOptions=-XX:TieredStopAtLevel=1"
READY_WITHIN, MOVES_WITHIN = 120.0, 120.0
JOB = "stream_quotes"


class StreamJob:
    """The stream job as a process, and its progress as the ledger tells it."""

    def __init__(
        self,
        instance: "Instance",
        args: argparse.Namespace,
        progress: "Progress",
        *,
        conf: Sequence[str] = (),
    ) -> None:
        self._progress = progress
        self.log = instance.folder / "logs" / f"{JOB}.log"
        command = [str(VENV / "bin" / "spark-submit"), *(part for one in conf for part in ("--conf", one))]
        command += [str(ROOT / "jobs" / "stream_quotes.py")]
        options = [
            "--trigger",
            args.trigger,
            "--max-offsets",
            str(args.max_offsets),
            "--wait",
            str(READY_WITHIN),
        ]
        self._process = instance.start_job(JOB, [*command, *options])

    def wait_until_ready(self) -> None:
        self._progress.step("stream: spark-submit jobs/stream_quotes.py")
        began = time.monotonic()
        settings = read_settings()
        ledger = LedgerReader(settings)
        # an earlier run may have been ready too
        while not (
            (run := ledger.newest_run(JOB, topic=settings.topic)) and run.is_ready and run.state == "running"
        ):
            self._must_live(began, READY_WITHIN, "was not ready")
        ledger.close()
        self._progress.detail(f"query started ({time.monotonic() - began:.1f} s more)")

    def drain(self) -> None:
        """Wait until the stream has read to the end of the topic."""
        settings = read_settings()
        with closing(TopicEnds(settings.kafka, describe_topic(settings.kafka, settings.topic))) as asked:
            ends = asked.ask()
        self._progress.step("drain: until all of it is in gold")
        began = moved = time.monotonic()
        ledger, before = LedgerReader(settings), 0
        while exceeds(ends, read := ledger.read_to(settings.topic)):
            done = sum(read.values())
            moved = time.monotonic() if done > before else moved
            before = done
            self._must_live(
                moved, MOVES_WITHIN, f"had read to {done:,} of {sum(ends.values()):,} messages and no more"
            )
        ledger.close()
        self._progress.detail(f"{sum(ends.values()):,} messages read ({time.monotonic() - began:.1f} s)")

    def must_have_ended_well(self) -> None:
        """After its stop: its last merge and its row in the ledger are done."""
        settings = read_settings()
        ledger = LedgerReader(settings)
        run = ledger.newest_run(JOB, topic=settings.topic)
        ledger.close()
        if run is None or run.state != "done":
            raise ServiceError(
                "the stream job did not end as it was asked to",
                found=f"{run.state}: {run.error}" if run else "no run in the ledger",
                remedy=f"read {self.log}",
            )

    def must_live(self) -> None:
        """An error once it has ended by itself."""
        if not processes.is_alive(self._process):
            self._must_live(time.monotonic(), MOVES_WITHIN, "")

    def _must_live(self, began: float, limit: float, what: str) -> None:
        alive = processes.is_alive(self._process)
        if not alive or time.monotonic() - began > limit:
            last = self.log.read_text(errors="replace").strip().splitlines()[-4:]
            raise ServiceError(
                f"the stream job {what} within {limit:.0f} s" if alive else "the stream job ended by itself",
                found=" | ".join(last)[-600:],
                remedy=f"read {self.log}",
            )
        time.sleep(0.2)
