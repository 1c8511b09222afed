"""A lakehouse with little in it, made without Spark, of which every number on the page is known."""

import uuid
from collections.abc import Generator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from jobs.lake.alerts import Alerts
from jobs.lake.budget import Budget
from jobs.lake.budget_plans import read_plans
from jobs.lake.heartbeats import Heartbeats
from jobs.lake.ledger import Ledger
from jobs.lake.postgres import Connection
from jobs.lake.settings import Settings
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tapehouse.delta import url_of
from tapehouse.provisioning.postgres import LEDGER, Login
from tapehouse.services.instance import Instance
from tapehouse.services.kafka import make_topic
from tests.builders import quote
from tests.named_settings import named_settings
from tests.stack import lake_environment

NEWEST = datetime(2023, 9, 5, 14, 31, tzinfo=UTC)
LOADED_AT = "2023-09-05T21:00:00+00:00"
# followed by a calendar that never closes: its quotes are expected whenever the tests run
INSTRUMENTS = """version: 1
instruments:
  - instrument_id: crypto-bitcoin-usd
    follow: [{source: yahoo, dataset: stream, from: 2020-01-01}]
    listings:
      - {symbol: X, mic: XCRY, calendar: "24/7", currency: USD, from: 2014-09-17, vendor_symbols: {yahoo: X}}
"""
BUDGETS = """version: 1
sources:
  a_vendor:
    day_in: UTC
    shared_from: "00:00"
    seconds_between_calls: 0
    calls: {daily: 10, fill: 5}
"""


class Lakehouse:
    """Its topic, its tables and its rows of the ledger, which others are in too."""

    def __init__(self, services: Instance, folder: Path) -> None:
        self.name = f"monitoring-{uuid.uuid4().hex[:6]}"
        self.topic, self.folder, self._services = f"{self.name}.v1", folder, services
        self.program = self.dag = self.name
        (folder / "instruments.yaml").write_text(INSTRUMENTS)
        (folder / "budgets.yaml").write_text(BUDGETS.replace("a_vendor", self.name))
        (folder / "checkpoints").mkdir()
        made = lake_environment(services, name=self.name, topic=self.topic, folder=folder)
        self.environment = made | {
            "TAPEHOUSE_INSTRUMENTS": str(folder / "instruments.yaml"),
            "TAPEHOUSE_BUDGETS": str(folder / "budgets.yaml"),
        }

    def named(self) -> AbstractContextManager[Settings]:
        """Its settings, which the environment names too for the length of a block."""
        return named_settings(self.environment)

    def fill(self) -> None:
        with self.named() as settings:
            self._send(settings)
            self._write_tables()
            with closing(Ledger(settings)) as ledger:
                self._tell(settings, ledger)

    def write(self, table: str, rows: list[dict[str, Any]]) -> DeltaTable:
        """Append rows, in a version of their own."""
        with self.named() as settings:
            url, options = url_of(table, settings), settings.storage_options()
            write_deltalake(url, pa.Table.from_pylist(rows), mode="append", storage_options=options)
            return DeltaTable(url, storage_options=options)

    def load(self, table: str, delta_id: str, *, version: int) -> None:
        """Note in the ledger that a warehouse holds a version of a table."""
        counts = (
            "rows_inserted",
            "rows_updated",
            "rows_deleted",
            "rows_total",
            "bytes_staged",
            "duration_ms",
        )
        receipt = dict.fromkeys(counts, 1) | {
            "load_id": uuid.uuid4().hex,
            "table_name": table,
            "delta_id": delta_id,
            "from_version": -1,
            "to_version": version,
            "mode": "full",
            "reason": "the first",
            "checksums": {},
            "columns": [],
            "checksum_version": 1,
            "query_ids": [],
            "loaded_at": LOADED_AT,
        }
        with self.named() as settings, closing(Ledger(settings)) as ledger:
            ledger.record_loads("duckdb:/elsewhere", [receipt])

    def do(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.named() as settings, closing(Connection(settings)) as connection:
            return connection.execute(sql, parameters)

    @contextmanager
    def reader(self) -> Generator[None, None, None]:
        """The environment names the lakehouse, and a role of the ledger's database that may only read."""
        with self.named(), only_reading(self._services):
            yield

    def forget(self) -> None:
        """What others would meet in the ledger."""
        self.do("DELETE FROM alerts WHERE subject = %s", self.topic)
        self.do("DELETE FROM dag_runs WHERE dag_id = %s", self.dag)
        self.do("DELETE FROM heartbeats WHERE topic = %s", self.topic)

    def _send(self, settings: Settings) -> None:
        """Three messages in one partition, of which a batch has read one."""
        make_topic(settings.kafka_bootstrap, self.topic)
        refused = self.folder / "refused.jsonl"
        with KafkaSink(kafka=settings.kafka, topic=self.topic, refused_file=refused) as sink:
            for second in (1, 2, 3):
                sink.send(Message("yahoo_recording", b"", quote(f"14:30:0{second} AAPL 10 {second}")))

    def _write_tables(self) -> None:
        bars = self.write("gold.bars_1m", [{"bar_start": datetime(2023, 9, 5, 14, 30, tzinfo=UTC)}])
        self.bars_id = str(bars.metadata().id)
        self.write("gold.bars_1m", [{"bar_start": NEWEST}])
        self.write("gold.bars_1d", [{"session": date(2023, 9, 5)}, {"session": date(2023, 9, 1)}])
        self.write("silver.rejected", [{"violations": ["too_fine"]}, {"violations": ["too_fine", "old"]}])
        gap = {"dataset": "1m", "cause": "not_fetched", "state": "open"}
        self.write(
            "gold.gaps",
            [gap, gap, gap | {"state": "filled"}, gap | {"cause": "no_trade", "state": "answered"}],
        )

    def _tell(self, settings: Settings, ledger: Ledger) -> None:
        with ledger.run(self.program):
            batch = {"topic": self.topic, "start": {}, "versions": {}, "newest_event": NEWEST}
            ends = self._partition_of_all(settings)
            ledger.record_batch(
                batch_id=0,
                **batch,
                end={},
                messages=10,
                accepted=8,
                rejected=2,
                duplicates=1,
                bars=4,
                seconds=2.5,
            )
            ledger.record_batch(
                batch_id=1,
                **batch,
                end={ends: 1},
                messages=5,
                accepted=5,
                rejected=0,
                duplicates=0,
                bars=3,
                seconds=1.5,
            )
        self.load("gold.bars_1m", self.bars_id, version=0)
        with (
            closing(Ledger(settings)) as other,
            other.run("reconcile_warehouse", lake=settings.processed_url),
        ):
            other.add_details(equal={"gold.bars_1m": False})
        ledger.dag_runs.mark_late(self.dag, "run-1", None, reason="slow")
        ledger.dag_runs.end(self.dag, "run-1", None, state="failed", reason="broken")
        with closing(Alerts(settings)) as alerts:
            alerts.open("stream_stale", self.topic, found="of a test", remedy="none")
        with closing(Heartbeats(settings)) as heart:
            heart.beat(["yahoo_recording"])
        (plan,) = read_plans(settings.budgets).values()
        with closing(Budget(settings, plan)) as budget:
            for _ in range(9):
                budget.take("daily")

    def _partition_of_all(self, settings: Settings) -> str:
        from jobs.lake.kafka import TopicEnds, describe_topic

        ends = TopicEnds(settings.kafka, describe_topic(settings.kafka, self.topic))
        ((partition, _),) = [(p, end) for p, end in ends.ask().items() if end]
        ends.close()
        return str(partition)


@contextmanager
def only_reading(services: Instance) -> Generator[None, None, None]:
    """The environment names a role that may only read the ledger, for the length of a block."""
    role, secret, place = f"reader_{uuid.uuid4().hex[:6]}", uuid.uuid4().hex, services._place()
    admin = Login("127.0.0.1", place.ports["postgres"], place.secrets["postgres_password"], database=LEDGER)
    with closing(admin.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD %s", (secret,))
        cursor.execute(f"GRANT pg_read_all_data TO {role}")
        cursor.execute(f"GRANT CONNECT ON DATABASE {LEDGER} TO {role}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGUSER", role)
        patch.setenv("PGPASSWORD", secret)
        yield
