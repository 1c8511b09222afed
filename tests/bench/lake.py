"""The places of a bench: its services, and for each run tables, a checkpoint and settings of its own."""

import contextlib
import shutil
import sys
import time
from collections.abc import Generator

from jobs.lake.settings import Settings
from tapehouse.paths import STATE, outside
from tapehouse.services.instance import Instance, running
from tapehouse.services.kafka import make_topic
from tapehouse.services.profiles import LAPTOP
from tapehouse.vendors import s3_client
from tests.bench.symbols import write_instruments
from tests.stack import lake_environment

BENCH = STATE / "bench"
TAPES = BENCH / "tapes"
DATA = ("kafka*", "store", "postgres", "spark-*")


def say(line: str) -> None:
    """A line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


class Lake:
    """One run's own lakehouse on the services of the bench; several runs may read one topic."""

    def __init__(self, services: Instance, name: str, *, topic: str) -> None:
        self.name, self.topic, self.folder = name, topic, services.folder / name
        instruments = str(write_instruments(services.folder / "instruments.yaml"))
        self.environment = lake_environment(services, name=name, topic=topic, folder=self.folder)
        self.environment["TAPEHOUSE_INSTRUMENTS"] = instruments
        self.folder.mkdir(parents=True, exist_ok=True)
        make_topic(self.bootstrap, topic)

    @property
    def bootstrap(self) -> str:
        return self.environment["TAPEHOUSE_KAFKA_BOOTSTRAP"]

    @property
    def settings(self) -> Settings:
        return Settings(**self.environment)

    def url(self, table: str) -> str:
        """The address of a table, of the stream or of an alternative."""
        layer, name = table.split(".")
        bucket = self.settings.processed_url if layer == "gold" else self.settings.realtime_url
        return f"{bucket}/{layer}/{name}"

    def remove(self) -> None:
        """Remove the tables and the checkpoint: the next run shall find the same disk."""
        client = s3_client(self.settings)
        for bucket in ("realtime", "processed"):
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{self.name}/")
            for page in pages:
                for found in page.get("Contents", []):
                    client.delete_object(Bucket=bucket, Key=found["Key"])
        shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)


@contextlib.contextmanager
def services(name: str, profile: str = LAPTOP) -> Generator[Instance, None, None]:
    """The services of one bench, on free ports.

    Their data goes with them, or at the next start if the bench failed; logs stay.
    """
    folder = BENCH / name
    earlier = Instance(folder, profile)
    earlier.stop()
    earlier.remove()
    with running(folder, say, profile=profile) as instance:
        yield instance
    for data in DATA:
        for made in folder.glob(data):
            shutil.rmtree(made, ignore_errors=True)
    shutil.rmtree(outside(folder), ignore_errors=True)
