"""One lakehouse under proof: its own topic, tables and checkpoint, the tape that is sent to it, and the checker."""

import csv
import io
import json
import os
import signal
import subprocess
import uuid
from pathlib import Path

from producers.events import Message
from producers.kafka_sink import KafkaSink
from tapehouse.demo_job import QUICK_START
from tapehouse.paths import ROOT, VENV
from tapehouse.services.instance import Instance
from tapehouse.services.kafka import make_topic
from tests.faults.processes import Program, ProofFailedError, wait_until

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
        self.tape, self.sent, self.drivers = tape, 0, 0
        self.environment = {
            **os.environ,
            **instance.environment(),
            "TAPEHOUSE_TOPIC": self.topic,
            "TAPEHOUSE_CHECKPOINTS": str(self.folder / "checkpoints"),
            "TAPEHOUSE_REALTIME_URL": f"s3://realtime/{unique}",
            "TAPEHOUSE_PROCESSED_URL": f"s3://processed/{unique}",
        }
        self._programs: list[Program] = []
        make_topic(self.environment["TAPEHOUSE_KAFKA_BOOTSTRAP"], self.topic)

    def send(self, share: float) -> None:
        """Send the next part of the tape, a share of the whole; every message is acknowledged when this returns."""
        end = min(len(self.tape), self.sent + max(1, round(share * len(self.tape))))
        bootstrap = self.environment["TAPEHOUSE_KAFKA_BOOTSTRAP"]
        with KafkaSink(
            bootstrap=bootstrap, topic=self.topic, refused_file=self.folder / "refused.jsonl"
        ) as sink:
            for message in self.tape[self.sent : end]:
                sink.send(message)
        if sink.refused or sink.acknowledged != end - self.sent:
            raise ProofFailedError(f"{sink.refused} messages were refused")
        self.sent = end

    def driver(self, *, failpoints: str = "", max_offsets: int = 400, **settings: str) -> Program:
        """Start the stream job as its users do; `failpoints` arms it."""
        environment = (
            self.environment | settings | ({"TAPEHOUSE_FAILPOINTS": failpoints} if failpoints else {})
        )
        command = [
            VENV / "bin" / "spark-submit",
            "--conf",
            QUICK_START,
            JOB,
            "--max-offsets",
            str(max_offsets),
        ]
        self.drivers += 1
        return self.start(f"driver-{self.drivers}", command, environment)

    def start(
        self, name: str, command: list[str | Path], environment: dict[str, str] | None = None
    ) -> Program:
        program = Program(
            command, log=self.folder / f"{name}.log", environment=environment or self.environment
        )
        self._programs.append(program)
        return program

    def wait_caught_up(self, driver: Program, *, seconds: float = CAUGHT_UP_WITHIN) -> None:
        """Wait until bronze holds as many messages as the topic does."""
        wanted = self.messages_in_topic()
        what = f"bronze with all {wanted:,} messages"
        wait_until(lambda: self.rows_in_bronze() >= wanted, what, seconds=seconds, alive=driver)

    def stop(self, driver: Program) -> None:
        """SIGTERM, after which it must end by itself with exit code 0."""
        driver.send(signal.SIGTERM, half="first")
        code = driver.ended(STOPPED_WITHIN)
        if code != 0:
            raise ProofFailedError(f"a driver ended with {code} on SIGTERM: {driver.last_lines()}")

    def finish(self, driver: Program | None = None) -> None:
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
        if report.returncode != 0:
            raise ProofFailedError(f"verify: {report.stdout[-3000:]} {report.stderr[-1000:]}")
        if self.rows_in_bronze() != self.messages_in_topic():
            raise ProofFailedError("bronze does not hold every message of the topic")
        answers = find_answers()
        if answers is not None and self.sent == len(self.tape):
            shown = self.tapehouse("sql", BARS, "--format", "csv")
            if list(csv.DictReader(io.StringIO(shown.stdout))) != answers:
                raise ProofFailedError("the bars differ from the answers")

    def tapehouse(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(VENV / "bin" / "tapehouse"), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def messages_in_topic(self) -> int:
        from jobs.lake.kafka import TopicEnds, describe_topic

        bootstrap = self.environment["TAPEHOUSE_KAFKA_BOOTSTRAP"]
        ends = TopicEnds(bootstrap, describe_topic(bootstrap, self.topic))
        try:
            return sum(ends.ask().values())
        finally:
            ends.close()

    def rows_in_bronze(self) -> int:
        """From the file list of the newest version; 0 where there is no table yet, or no answer now."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        options = {name: self.environment[name] for name in names} | {"AWS_ALLOW_HTTP": "true"}
        url = f"{self.environment['TAPEHOUSE_REALTIME_URL']}/bronze/quotes"
        try:
            actions = DeltaTable(url, storage_options=options).get_add_actions(flatten=True)
        except (OSError, DeltaError):
            return 0
        return sum(json.loads(str(rows)) for rows in actions.column("num_records").to_pylist())

    def close(self) -> None:
        """Nothing of it is left running."""
        for program in self._programs:
            program.end()


def find_answers() -> list[dict[str, str]] | None:
    """The bars of the recorded hour, where the recorded data is."""
    folder = os.environ.get("TAPEHOUSE_MARKET_DATA")
    file = Path(folder or "/nonexistent").parent / "answers" / "bars_1m_2023-09-05.csv"
    return list(csv.DictReader(file.read_text().splitlines())) if file.exists() else None


def read_tape(seed: int) -> list[Message]:
    """The recorded hour, roughened; a generated one where the recording is not."""
    import time

    from producers.disturbances import Disturbances, disturb
    from producers.recording import read_recording
    from producers.tape import generate, last_session

    now_us = time.time_ns() // 1000
    harm = Disturbances(duplicates=0.05, malformed=0.02, late=0.05, late_minutes=10, shuffle_minutes=3)
    folder = os.environ.get("TAPEHOUSE_MARKET_DATA")
    if folder and find_answers() is not None:
        good = read_recording(Path(folder) / "questdb_finance" / "nasdaq_trades.csv")
    else:
        from datetime import UTC, datetime

        session, before = last_session(datetime.now(UTC))
        good = generate(session, before=before, seed=seed, minutes=60, symbols=())
    return [delivery.message for delivery in disturb(good, harm, seed=seed, now_us=now_us)]
