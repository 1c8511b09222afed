"""One test's own lakehouse on the services of the run: topic, tables, checkpoint and ledger."""

import contextlib
import csv
import io
import re
import uuid
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from jobs.lake.ledger import Ledger
from jobs.lake.progress import Commit
from jobs.lake.settings import Settings, read_settings
from jobs.lake.tables import Table
from jobs.lake.write import TableWriter
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tapehouse import cli
from tapehouse.services.instance import Instance
from tapehouse.services.kafka import make_topic
from tests.secret_search import look_at_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Stack:
    """What a test sends, drains and asks. Its names are made of the test's name, so that no two meet."""

    def __init__(self, services: Instance, spark: "SparkSession", folder: Path, name: str) -> None:
        unique = f"{re.sub(r'[^a-z0-9]+', '-', name.lower())[:60]}-{uuid.uuid4().hex[:6]}"
        self.spark = spark
        self.folder = folder / unique
        self.topic = f"{unique}.v1"
        self.environment = lake_environment(services, name=unique, topic=self.topic, folder=self.folder)
        make_topic(self.environment["TAPEHOUSE_KAFKA_BOOTSTRAP"], self.topic)

    @property
    def settings(self) -> Settings:
        return read_settings()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "stream_quotes"

    def send(self, messages: Iterable[Message]) -> KafkaSink:
        """Send them all; every one is acknowledged or refused when this returns."""
        refused = self.folder / "refused.jsonl"
        with KafkaSink(kafka=self.settings.kafka, topic=self.topic, refused_file=refused) as sink:
            for message in messages:
                sink.send(message)
        return sink

    def drain(self, *, max_offsets: int = 200_000) -> None:
        """Run the stream until the topic is read to its end."""
        from jobs.lake.configuration import Configuration, read_facts
        from jobs.lake.drive import Driver, Pace
        from jobs.lake.start import connect

        settings = self.settings
        ledger, topic = connect(settings, wait=0)
        try:
            configuration = Configuration(self.spark, settings, read_facts(settings))
            driver = Driver(self.spark, settings, ledger, configuration=configuration)
            driver.run(topic, Pace("available-now", max_offsets))
        finally:
            ledger.close()

    def ledger(self) -> Ledger:
        return Ledger(self.settings)

    def sql(self, query: str, *options: str) -> list[dict[str, str]]:
        """The rows that `tapehouse sql` gives, as text."""
        code, out, err = call("sql", query, "--format", "csv", *options)
        assert code == 0, err
        return list(csv.DictReader(io.StringIO(out)))

    def one(self, query: str) -> str:
        """The one value of the one row."""
        (row,) = self.sql(query)
        (value,) = row.values()
        return value


def lake_environment(services: Instance, *, name: str, topic: str, folder: Path) -> dict[str, str]:
    """What a program needs to work with tables and a checkpoint of its own."""
    return services.environment() | {
        "TAPEHOUSE_TOPIC": topic,
        "TAPEHOUSE_CHECKPOINTS": str(folder / "checkpoints"),
        "TAPEHOUSE_REALTIME_URL": f"s3://realtime/{name}",
        "TAPEHOUSE_PROCESSED_URL": f"s3://processed/{name}",
        "TAPEHOUSE_WAREHOUSE_FOLDER": str(folder / "warehouse"),
    }


@contextlib.contextmanager
def no_room_for(*tables: str) -> Generator[None, None, None]:
    """The batches' writes to these tables fail; the others' do not."""
    append = TableWriter.append

    def refuse(self: TableWriter, frame: Any, *, table: Table, commit: Commit, **options: Any) -> int:
        if table.name in tables and commit.kind == "batch":
            raise OSError(f"no room for {table.name}")
        return append(self, frame, table=table, commit=commit, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TableWriter, "append", refuse)
        yield


def no_spark() -> NoReturn:
    """In place of what starts a Spark, where none is to be started."""
    raise AssertionError("a Spark was started")


def call(*arguments: Any) -> tuple[int, str, str]:
    """Exit code, output and errors of a `tapehouse` command, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as exit_of_argparse:
            code = int(exit_of_argparse.code or 0)
    look_at_text(
        out.getvalue() + err.getvalue(), of=" ".join(["the output of tapehouse", *map(str, arguments[:1])])
    )
    return code, out.getvalue(), err.getvalue()
