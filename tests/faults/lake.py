"""One lakehouse under proof: its own topic, tables and checkpoint, the tape that is sent to it, and the checker."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from jobs.lake.failpoints import SETTING
from jobs.lake.history import recent_commits
from jobs.lake.kafka import TopicEnds, describe_topic
from jobs.lake.postgres import Connection
from jobs.lake.progress import exceeds, recorded_ends, smallest
from jobs.lake.settings import Settings
from jobs.lake.tables import BATCH_TABLES, STREAM
from producers.disturbances import Disturbances, disturb
from producers.events import Message
from producers.kafka_sink import KafkaSink
from producers.recording import SOURCE, read_recording
from producers.tape import generate, last_session
from tapehouse.paths import ROOT, VENV
from tapehouse.services.instance import Instance
from tapehouse.services.kafka import make_topic
from tapehouse.stream_job import QUICK_START
from tests.faults.driver import Driver
from tests.faults.fault import Fault
from tests.stack import lake_environment

JOB = ROOT / "jobs" / "stream_quotes.py"
BARS = """SELECT symbol, bar_start, open, high, low, close, volume, vwap, quote_count, volume_is_complete
FROM gold.bars_1m WHERE source = 'yahoo_recording' ORDER BY 1, 2"""
CAUGHT_UP_WITHIN, STOPPED_WITHIN = 240, 90


class Lake:
    """`send` part of the tape, start drivers, and prove at the end that nothing was lost or doubled."""

    def __init__(self, instance: Instance, folder: Path, name: str, tape: list[Message]) -> None:
        unique = f"{name}-{uuid.uuid4().hex[:6]}"
        self.instance, self.folder, self.topic = instance, folder / unique, f"{unique}.v1"
        self.folder.mkdir(parents=True)
        self.tape, self.sent = tape, 0
        self.environment = lake_environment(instance, name=unique, topic=self.topic, folder=self.folder)
        self.settings = Settings(**self.environment)
        self.met: list[Fault] = []
        self.seen = ""  # a figure of the scenario
        self._started: list[Driver] = []
        make_topic(self.settings.kafka_bootstrap, self.topic)

    def meet(self, fault: Fault) -> None:
        """Say which fault comes now: the last one is what a failure is put down to."""
        self.met.append(fault)
        print(f"  {fault}", file=sys.stderr)

    def send(self, share: float) -> None:
        """Send the next part of the tape, a share of the whole; every message is acknowledged when this returns."""
        end = min(len(self.tape), self.sent + max(1, round(share * len(self.tape))))
        refused = self.folder / "refused.jsonl"
        with KafkaSink(kafka=self.settings.kafka, topic=self.topic, refused_file=refused) as sink:
            for message in self.tape[self.sent : end]:
                sink.send(message)
        assert sink.acknowledged == end - self.sent, f"{sink.refused} messages were refused"
        self.sent = end

    def driver(
        self, *, failpoints: str = "", max_offsets: int = 400, environment: dict[str, str] | None = None
    ) -> Driver:
        """Start the stream job as its users do; `failpoints` arms it, `environment` differs from the lake's."""
        submit = [VENV / "bin" / "spark-submit", "--conf", QUICK_START, JOB]
        command = [*submit, "--max-offsets", str(max_offsets)]
        return self.program(command, failpoints=failpoints, environment=environment)

    def program(
        self,
        command: Sequence[str | Path],
        *,
        failpoints: str = "",
        environment: dict[str, str] | None = None,
    ) -> Driver:
        """Start any of our programs, which is ended with the lake."""
        driver = Driver(
            command,
            log=self.folder / f"driver-{len(self._started) + 1}.log",
            environment=self.environment | {SETTING: failpoints} | (environment or {}),
        )
        self._started.append(driver)
        return driver

    def epoch(self) -> int:
        """The epoch of the stream's lease."""
        with closing(Connection(self.settings, read_only=True)) as connection:
            ((epoch,),) = connection.execute("SELECT epoch FROM leases WHERE table_group = %s", (STREAM,))
        return int(epoch)

    def wait_caught_up(self, driver: Driver, *, seconds: float = CAUGHT_UP_WITHIN) -> None:
        """Wait until bronze holds as many messages as the topic does."""
        wanted = self.messages_in_topic()
        what = f"all {wanted:,} messages in bronze"
        driver.wait_for(lambda: self.rows_in_bronze() >= wanted, what=what, seconds=seconds)

    def stop(self, driver: Driver) -> None:
        """SIGTERM, after which it must end by itself with exit code 0."""
        driver.process.send_signal(signal.SIGTERM)
        code = driver.ended(seconds=STOPPED_WITHIN)
        assert code == 0, f"a driver ended with {code} on SIGTERM; {driver.last_words}"

    def finish(self, driver: Driver | None = None) -> None:
        """Send what is left, let a driver catch up, stop it, and check everything."""
        if self.sent < len(self.tape):
            self.send(1.0)
        driver = driver or self.driver(max_offsets=200_000)
        self.wait_caught_up(driver)
        self.stop(driver)
        self.check()

    def check(self) -> None:
        """`tapehouse verify`, and, where the whole recorded hour was sent, the answers."""
        report = self.tapehouse("verify", "--json")
        assert report.returncode == 0, f"verify: {report.stdout[-3000:]} {report.stderr[-1000:]}"
        assert self.rows_in_bronze() == self.messages_in_topic(), (
            "bronze does not hold every message of the topic"
        )
        answers = find_answers()
        if answers is not None and self.tape[0].source == SOURCE and self.sent == len(self.tape):
            shown = self.tapehouse("sql", BARS, "--format", "csv")
            assert list(csv.DictReader(io.StringIO(shown.stdout))) == answers, (
                "the bars differ from the answers"
            )

    def tapehouse(
        self, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 300
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(VENV / "bin" / "tapehouse"), *arguments],
            env={**os.environ, **self.environment, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def messages_in_topic(self) -> int:
        kafka = self.settings.kafka
        with closing(TopicEnds(kafka, describe_topic(kafka, self.topic))) as ends:
            return sum(ends.ask().values())

    def rows_in_bronze(self) -> int:
        """From the file list of the newest version; 0 where there is no table yet, or no answer now."""
        url = f"{self.settings.realtime_url}/bronze/quotes"
        try:
            files = DeltaTable(url, storage_options=self.settings.storage_options()).get_add_actions(
                flatten=True
            )
        except (OSError, DeltaError):
            return 0
        return sum(int(str(rows)) for rows in files.column("num_records").to_pylist())

    def tables_ahead(self) -> set[str]:
        """The tables that have committed a batch which others have not."""
        commits = {table.name: recent_commits(table, self.settings)[1] for table in BATCH_TABLES}
        ends = recorded_ends(commits, topic=self.topic)
        behind = smallest(ends.values())
        return {name for name, end in ends.items() if exceeds(end, behind)}

    def close(self) -> None:
        """Nothing of it is left running."""
        for driver in self._started:
            driver.kill()


def find_answers() -> list[dict[str, str]] | None:
    """The bars of the recorded hour, where the recorded data is."""
    folder = os.environ.get("TAPEHOUSE_MARKET_DATA")
    file = Path(folder or "/nonexistent").parent / "answers" / "bars_1m_2023-09-05.csv"
    return list(csv.DictReader(file.read_text().splitlines())) if file.exists() else None


def find_recording() -> Path | None:
    """The recorded hour, where it is and its answers are."""
    if find_answers() is None:
        return None
    return Path(os.environ["TAPEHOUSE_MARKET_DATA"]) / "questdb_finance" / "nasdaq_trades.csv"


def read_tape(seed: int) -> list[Message]:
    """The recorded hour, roughened; a generated one where the recording is not."""
    now_us = time.time_ns() // 1000
    harm = Disturbances(duplicates=0.05, malformed=0.02, late=0.05, late_minutes=10, shuffle_minutes=3)
    if recording := find_recording():
        good = read_recording(recording)
    else:
        session, before = last_session(datetime.now(UTC))
        good = generate(session, before=before, seed=seed, minutes=60, symbols=())
    return [delivery.message for delivery in disturb(good, harm, seed=seed, now_us=now_us)]
