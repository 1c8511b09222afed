"""A lakehouse for the page, made without Spark: bars as the stream writes them, and what the ledger says of it."""

import json
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, write_deltalake

from jobs.lake.settings import Settings
from tapehouse.delta import url_of
from tapehouse.services.instance import Instance
from tapehouse.services.kafka import make_topic
from tests.named_settings import named_settings
from tests.stack import lake_environment

# a session that is over, at its open: a recording, which is never late
SESSION = date(2026, 11, 24)
OPEN = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)
SOURCE = "yahoo_recording"
INSTRUMENTS = """version: 1
instruments:
  - instrument_id: us-apple
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL}}
  - instrument_id: us-microsoft
    listings:
      - {symbol: MSFT, mic: XNAS, currency: USD, from: 1986-03-13, vendor_symbols: {yahoo: MSFT}}
  - instrument_id: crypto-x
    listings:
      - {symbol: X, mic: XCRY, calendar: "24/7", currency: USD, from: 2014-09-17, vendor_symbols: {yahoo: X}}
"""
PRICE = pa.decimal128(18, 6)
BARS = pa.schema([
    ("source", pa.string()),
    ("instrument_id", pa.string()),
    ("bar_start", pa.timestamp("us", "UTC")),
    ("session", pa.date32()),
    ("symbol", pa.string()),
    ("mic", pa.string()),
    ("currency", pa.string()),
    ("open", PRICE),
    ("high", PRICE),
    ("low", PRICE),
    ("close", PRICE),
    ("volume", pa.int64()),
    ("quote_count", pa.int64()),
    ("volume_is_complete", pa.bool_()),
    ("is_final", pa.bool_()),
    ("revision", pa.int32()),
])
LOG = BARS.append(pa.field("sequence", pa.int64()))


def bar(minute: int, close: str, *, symbol: str = "AAPL", **changes: Any) -> dict[str, Any]:
    """A bar of the session's minute that begins at 10 and ends at `close`."""
    instrument = {"AAPL": "us-apple", "MSFT": "us-microsoft", "X": "crypto-x"}.get(symbol, f"i-{symbol}")
    prices = {"open": Decimal(10), "close": Decimal(close)}
    made = {
        "source": SOURCE,
        "instrument_id": instrument,
        "bar_start": OPEN + timedelta(minutes=minute),
        "session": SESSION,
        "symbol": symbol,
        "mic": "XNAS",
        "currency": "USD",
        **prices,
        "high": max(prices.values()),
        "low": min(prices.values()),
        "volume": 100,
        "quote_count": 3,
        "volume_is_complete": True,
        "is_final": True,
        "revision": 0,
    }
    return made | changes


def live_bar(start: datetime, *, symbol: str = "X") -> dict[str, Any]:
    """A bar of a live source, on a venue that never closes."""
    changes = {"source": "yahoo", "mic": "XCRY", "bar_start": start, "session": start.date()}
    return bar(0, "11", symbol=symbol, **changes)


class PageLake:
    """Its tables lie in folders of their own: below `folder`, or in the run's S3 store."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        (folder / "instruments.yaml").write_text(INSTRUMENTS)
        self.folder = folder
        self.environment = environment | {"TAPEHOUSE_INSTRUMENTS": str(folder / "instruments.yaml")}

    @classmethod
    def on(cls, services: Instance, folder: Path) -> "PageLake":
        name = f"page-{uuid.uuid4().hex[:6]}"
        made = cls(folder, lake_environment(services, name=name, topic=f"{name}.v1", folder=folder))
        make_topic(made.environment["TAPEHOUSE_KAFKA_BOOTSTRAP"], f"{name}.v1")
        return made

    @classmethod
    def in_folder(cls, folder: Path) -> "PageLake":
        """With no service at all behind it."""
        nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "PGHOST": "127.0.0.1", "PGPORT": "9"}
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "PGUSER", "PGPASSWORD")
        places = {
            "TAPEHOUSE_KAFKA_BOOTSTRAP": "127.0.0.1:9",
            "TAPEHOUSE_CHECKPOINTS": str(folder / "checkpoints"),
            "TAPEHOUSE_REALTIME_URL": str(folder / "realtime"),
            "TAPEHOUSE_PROCESSED_URL": str(folder / "processed"),
        }
        return cls(folder, nowhere | dict.fromkeys(names, "nobody") | places)

    def named(self) -> AbstractContextManager[Settings]:
        """Its settings, which the environment names too for the length of a block."""
        return named_settings(self.environment)

    @property
    def settings(self) -> Settings:
        with self.named() as settings:
            return settings

    def commit(self, *bars: dict[str, Any], **options: Any) -> None:
        """One commit of gold.bars_1m."""
        self.write("gold.bars_1m", bars, schema=BARS, partition_by=["session"], **options)

    def log(self, *bars: dict[str, Any], sequence: int) -> None:
        """One commit of the log, as each batch of the stream makes one."""
        rows = [one | {"sequence": sequence} for one in bars]
        self.write("gold.bars_1m_log", rows, schema=LOG, partition_by=["session"])

    def write(
        self,
        table: str,
        rows: Iterable[dict[str, Any]],
        *,
        schema: pa.Schema | None = None,
        kind: str | None = None,
        mode: str = "append",
        **options: Any,
    ) -> None:
        told = {"userMetadata": commit_of(kind)} if kind else None
        settings = self.settings
        write_deltalake(
            url_of(table, settings),
            pa.Table.from_pylist(list(rows), schema=schema),
            mode=mode,  # type: ignore[arg-type]
            storage_options=settings.storage_options(),
            commit_properties=CommitProperties(custom_metadata=told) if told else None,
            **options,
        )


def commit_of(kind: str) -> str:
    """What a driver's commit of this kind says of itself."""
    empty: dict[str, int] = {}
    told = {"topic": "t", "topic_id": "i", "start": empty, "end": empty, "batch_end": empty, "epoch": 1}
    return json.dumps(told | {"kind": kind})
