"""Each part of what is measured, as it goes on from one look to the next."""

import time
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import pytest

from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.settings import read_settings
from tapehouse.delta import url_of
from tapehouse.measuring import lake, rejected
from tapehouse.measuring.due import DuePart
from tapehouse.measuring.lake import Lake, LakePart
from tapehouse.measuring.market import MarketPart
from tapehouse.measuring.rejected import RejectedPart
from tapehouse.measuring.stream import StreamPart
from tapehouse.measuring.warehouse import WarehousePart
from tapehouse.vendors import s3_client
from tests.monitoring.lakehouse import NEWEST, Lakehouse

# London has days of its own
FOLLOWED = """version: 1
instruments:
  - instrument_id: us-apple
    follow: [{source: yahoo, dataset: 1d, from: 2026-11-20}]
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL}}
  - instrument_id: gb-ocado
    follow: [{source: yahoo, dataset: 1d, from: 2020-01-01}]
    listings:
      - {symbol: OCDO, mic: XLON, currency: GBp, from: 2010-07-21, vendor_symbols: {yahoo: OCDO.L}}
"""


def test_a_running_stream_is_up_and_its_lease_is_young(named: Lakehouse) -> None:
    settings = read_settings().model_copy(update={"topic": f"{named.topic}-running"})
    with (
        closing(Ledger(settings)) as ledger,
        ledger.run("stream_quotes", topic=settings.topic),
        closing(Lease(settings, named.name, run_id=ledger.run_id)) as lease,
    ):
        lease.acquire()
        found = {sample.name: sample.value for sample in StreamPart(settings).look()}
    assert found["tapehouse_stream_up"] == 1
    for name in ("started", "lease_renewed"):
        assert 0 <= time.time() - found[f"tapehouse_stream_{name}_timestamp_seconds"] < 60


def test_batches_are_counted_on_from_the_look_before(named: Lakehouse) -> None:
    topic = f"{named.topic}-totals"
    settings = read_settings().model_copy(update={"topic": topic})
    part = StreamPart(settings)

    def total() -> float:
        return next(s.value for s in part.look() if s.name == "tapehouse_messages_total")

    insert = """INSERT INTO batches (run_id, batch_id, topic, "start", "end", messages, accepted, rejected, duplicates,
        bars, seconds, versions, committed_at) SELECT run_id, %s, %s, '{}', '{}', %s, 0, 0, 0, 0, 1, '{}',
        now() - make_interval(secs => %s) FROM runs WHERE job = %s"""
    named.do(insert, 100, topic, 7, 3600, named.program)
    assert total() == 7
    named.do(insert, 101, topic, 5, 0, named.program)
    assert [total(), total()] == [12, 12]
    named.do(
        "UPDATE batches SET committed_at = now() - interval '59 s' WHERE batch_id = 101 AND topic = %s", topic
    )
    assert total() == 12


def test_rejected_rows_are_counted_once_after_a_compaction_too(named: Lakehouse) -> None:
    part = RejectedPart(Lake(read_settings()))
    named.write("silver.history_rejected", [{"violations": ["price_positive"]}])
    table = named.write("silver.history_rejected", [{"violations": ["price_positive"]}, {"violations": []}])
    of_history = ("silver.history_rejected", "price_positive")

    def count() -> float:
        return next(sample.value for sample in part.look() if sample.labels == of_history)

    assert count() == 2
    table.optimize.compact()
    assert count() == 2
    named.write("silver.history_rejected", [{"violations": ["price_positive"]}])
    assert count() == 3


def test_a_table_that_was_made_anew_is_seen(named: Lakehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings()
    part = LakePart(Lake(settings))

    def rows() -> list[float]:
        wanted = ("tapehouse_table_rows", ("silver.actions",))
        return [sample.value for sample in part.look() if (sample.name, sample.labels) == wanted]

    assert rows() == []
    named.write("silver.actions", [{"ex_date": date(2023, 9, 5)}])
    assert rows() == [1]
    store, (bucket, prefix) = s3_client(settings), url_of("silver.actions", settings)[5:].split("/", 1)
    for found in store.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["Contents"]:
        store.delete_object(Bucket=bucket, Key=found["Key"])
    named.write("silver.actions", [{"ex_date": date(2023, 9, 5)}, {"ex_date": date(2023, 9, 6)}])
    monkeypatch.setattr(lake, "FOLLOWED_FOR", 0)
    assert rows() == [2]


def test_a_table_that_is_not_counted_to_the_end_is_not_shown(
    named: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = RejectedPart(Lake(read_settings()))
    named.write("silver.rejected", [{"violations": []}])
    monkeypatch.setattr(rejected, "SECONDS_EACH", 0)
    assert part.look() == []
    monkeypatch.undo()
    with named.named():
        assert ("silver.rejected", "too_fine") in {sample.labels for sample in part.look()}


def test_a_warehouse_with_all_data_is_not_behind_a_compaction(named: Lakehouse) -> None:
    settings = read_settings()

    def behind(metric: str) -> list[float]:
        found = WarehousePart(settings, Lake(settings)).look()
        name = f"tapehouse_warehouse_behind_{metric}"
        return [s.value for s in found if s.name == name and s.labels == ("gold.minutes",)]

    for _ in range(2):
        table = named.write("gold.minutes", [{"bar_start": NEWEST}])
    named.load("gold.minutes", str(table.metadata().id), version=1)
    assert (behind("versions"), behind("since_timestamp_seconds")) == ([0], [])
    table.optimize.compact()
    assert (behind("versions"), behind("since_timestamp_seconds")) == ([1], [])
    named.write("gold.minutes", [{"bar_start": NEWEST}])
    (since,) = behind("since_timestamp_seconds")
    assert time.time() - since < 60


@pytest.mark.usefixtures("named")
def test_a_market_is_open_by_its_calendar_alone() -> None:
    part = MarketPart(read_settings())
    for moment, is_open in (("2026-11-24T16:00Z", 1), ("2026-11-26T16:00Z", 0), ("2026-11-27T18:30Z", 0)):
        found = {(s.name, s.labels): s.value for s in part.look(now=datetime.fromisoformat(moment))}
        assert found["tapehouse_market_open", ("XNYS",)] == is_open, moment
        assert found["tapehouse_market_open", ("24/7",)] == 1


def test_a_session_is_due_where_days_are_followed_and_daily_close_runs(
    named: Lakehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.fromisoformat("2026-11-28T00:30Z")
    assert DuePart(read_settings()).look(now=at) == []
    with closing(Ledger(read_settings())) as ledger:
        for day in (25, 27):
            run_id = f"{named.topic}-{day}"
            ledger.dag_runs.end("daily_close", run_id, date(2026, 11, day), state="success", reason=None)
    assert DuePart(read_settings()).look(now=at) == []
    file = tmp_path / "instruments.yaml"
    file.write_text(FOLLOWED)
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(file))
    (due,) = DuePart(read_settings()).look(now=at)
    named.do("DELETE FROM dag_runs WHERE run_id LIKE %s", f"{named.topic}%")
    assert due.value == datetime.fromisoformat("2026-11-27T00:00Z").timestamp()
