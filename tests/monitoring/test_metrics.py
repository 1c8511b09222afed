"""What the exporter says of a lakehouse on the real services, number by number, and of one that is half away."""

import http.client
import os
import re
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from jobs.lake.lease import Lease
from jobs.lake.ledger import Ledger
from jobs.lake.settings import read_settings
from tapehouse.measuring import rejected
from tapehouse.measuring.catalogue import METRICS, PARTS, Sample
from tapehouse.measuring.lake import Lake
from tapehouse.measuring.looks import Looks
from tapehouse.measuring.market import MarketPart
from tapehouse.measuring.rejected import RejectedPart
from tapehouse.measuring.stream import StreamPart
from tapehouse.measuring.warehouse import WarehousePart
from tests.monitoring.conftest import Numbers
from tests.monitoring.lakehouse import NEWEST, Lakehouse
from tests.processes import Program
from tests.stack import call

Read = Callable[[str], Numbers]


@pytest.fixture(scope="module")
def page(lakehouse: Lakehouse) -> str:
    with lakehouse.named():
        code, out, err = call("metrics", "--once")
    assert code == 0, err
    return out


def test_every_number_is_that_of_the_lakehouse(page: str, numbers: Read, lakehouse: Lakehouse) -> None:
    found = numbers(page)
    expected = {
        ("tapehouse_stream_up",): 0,
        ("tapehouse_batches_total",): 2,
        ("tapehouse_batch_seconds_total",): 4,
        ("tapehouse_messages_total",): 15,
        ("tapehouse_messages_accepted_total",): 13,
        ("tapehouse_messages_rejected_total",): 2,
        ("tapehouse_messages_duplicate_total",): 1,
        ("tapehouse_bars_changed_total",): 7,
        ("tapehouse_batch_duration_seconds",): 1.5,
        ("tapehouse_batch_messages",): 5,
        ("tapehouse_batch_newest_event_timestamp_seconds",): 1693924260,
        ("tapehouse_table_version", "gold.bars_1m"): 1,
        ("tapehouse_table_rows", "gold.bars_1m"): 2,
        ("tapehouse_table_files", "gold.bars_1m"): 2,
        ("tapehouse_table_newest_timestamp_seconds", "gold.bars_1m"): 1693924260,
        ("tapehouse_table_newest_timestamp_seconds", "gold.bars_1d"): 1693872000,
        ("tapehouse_rows_rejected_total", "too_fine", "silver.rejected"): 2,
        ("tapehouse_rows_rejected_total", "old", "silver.rejected"): 1,
        ("tapehouse_gaps_open", "not_fetched", "1m"): 2,
        ("tapehouse_gaps_open", "no_trade", "1m"): 0,
        ("tapehouse_warehouse_version", "gold.bars_1m"): 0,
        ("tapehouse_warehouse_behind_versions", "gold.bars_1m"): 1,
        ("tapehouse_warehouse_loaded_timestamp_seconds", "gold.bars_1m"): 1693947600,
        ("tapehouse_reconcile_equal", "gold.bars_1m"): 0,
        ("tapehouse_budget_calls_limit", "daily", lakehouse.name): 10,
        ("tapehouse_budget_calls_used", "daily", lakehouse.name): 9,
        ("tapehouse_budget_calls_left", "fill", lakehouse.name): 6,
        ("tapehouse_source_rests", lakehouse.name): 0,
        ("tapehouse_alert_open", "stream_stale"): 1,
        ("tapehouse_alert_open", "stream_stopped"): 0,
        ("tapehouse_program_state", lakehouse.program, "done"): 1,
        ("tapehouse_program_state", lakehouse.program, "failed"): 0,
        ("tapehouse_dag_run_state", lakehouse.dag, "failed"): 1,
        ("tapehouse_dag_run_late", lakehouse.dag): 1,
        ("tapehouse_market_open", "24/7"): 1,
        ("tapehouse_source_expected", "yahoo"): 1,
        ("tapehouse_source_expected", "alpha_vantage"): 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    lag = [value for name, value in found.items() if name[0] == "tapehouse_kafka_lag_messages"]
    assert (len(lag), sum(lag)) == (4, 2)
    assert {name[1] for name in found if name[0] == "tapehouse_look_failed"} == set(PARTS)
    assert not any(value for name, value in found.items() if name[0] == "tapehouse_look_failed")


def test_every_metric_of_the_catalogue_is_shown_and_no_other(page: str) -> None:
    shown = set(re.findall(r"^(tapehouse_\w+?)(?:\{| )", page, re.MULTILINE))
    # of a stream that never ran nothing is known of a run
    of_a_run = {
        "tapehouse_stream_started_timestamp_seconds",
        "tapehouse_stream_lease_renewed_timestamp_seconds",
    }
    assert shown == METRICS.keys() - of_a_run


def test_recent_times_are_now(page: str, numbers: Read) -> None:
    found = numbers(page)
    for name in (
        ("tapehouse_batch_committed_timestamp_seconds",),
        ("tapehouse_table_committed_timestamp_seconds", "gold.bars_1m"),
        ("tapehouse_source_heartbeat_timestamp_seconds", "yahoo"),
        ("tapehouse_reconcile_timestamp_seconds", "gold.bars_1m"),
        ("tapehouse_warehouse_behind_since_timestamp_seconds", "gold.bars_1m"),
        ("tapehouse_look_success_timestamp_seconds", "lake"),
    ):
        assert 0 <= time.time() - found[name] < 600, name


def test_a_running_stream_is_up_and_its_lease_is_young(named: Lakehouse) -> None:
    settings = read_settings()
    with (
        closing(Ledger(settings)) as ledger,
        ledger.run("stream_quotes", topic=named.topic),
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
    table = named.write("gold.bars_1m", [{"bar_start": NEWEST}])
    named.do("UPDATE loads SET to_version = %s WHERE load_id = %s", table.version(), named.name)
    table.optimize.compact()
    part = WarehousePart(settings, Lake(settings))
    found = {sample.name: sample.value for sample in part.look()}
    assert found["tapehouse_warehouse_behind_versions"] == 1
    assert "tapehouse_warehouse_behind_since_timestamp_seconds" not in found
    named.write("gold.bars_1m", [{"bar_start": datetime.fromisoformat("2023-09-05T14:32Z")}])
    found = {sample.name: sample.value for sample in part.look()}
    assert time.time() - found["tapehouse_warehouse_behind_since_timestamp_seconds"] < 60
    named.do("UPDATE loads SET to_version = 0 WHERE load_id = %s", named.name)


@pytest.mark.usefixtures("named")
def test_a_market_is_open_by_its_calendar_alone() -> None:
    part = MarketPart(read_settings())
    for moment, is_open in (("2026-11-24T16:00Z", 1), ("2026-11-26T16:00Z", 0), ("2026-11-27T18:30Z", 0)):
        found = {(s.name, s.labels): s.value for s in part.look(now=datetime.fromisoformat(moment))}
        assert found["tapehouse_market_open", ("XNYS",)] == is_open, moment
        assert found["tapehouse_market_open", ("24/7",)] == 1


@pytest.mark.usefixtures("named")
def test_a_service_that_is_away_hides_its_part_and_no_other(
    numbers: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    code, out, err = call("metrics", "--once")
    assert time.monotonic() - began < 100
    found = numbers(out)
    failed = {name[1] for name, value in found.items() if name[0] == "tapehouse_look_failed" and value}
    assert (code, failed) == (1, {"lake", "rejected", "gaps", "warehouse"})
    assert found["tapehouse_look_failures_total", "lake"] == 1
    assert found["tapehouse_messages_total",] == 15
    assert not any(name[0].startswith(("tapehouse_table", "tapehouse_warehouse")) for name in found)
    assert "look_failed" in err
    assert "Traceback" not in err


def test_what_a_part_found_is_not_shown_once_it_fails_or_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[object] = iter([
        [Sample("tapehouse_stream_up", 1.0)],
        OSError("away"),
        [Sample("tapehouse_stream_up", 1.0)],
    ])

    def look() -> list[Sample]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    looks = Looks({"stream": look}, every=15)

    def shown() -> tuple[bool, float]:
        found = {sample.name: sample.value for sample in looks.samples()}
        return "tapehouse_stream_up" in found, found["tapehouse_look_failed"]

    seen = [shown()]
    for _ in range(3):
        looks.look_once()
        seen.append(shown())
    assert seen == [(False, 1), (True, 0), (False, 1), (True, 0)]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 106)
    assert shown() == (False, 1)


def test_who_may_only_read_can_measure(lakehouse: Lakehouse) -> None:
    with lakehouse.reader():
        code, out, err = call("metrics", "--once")
    assert code == 0, err
    assert "tapehouse_messages_total 15.0" in out


@pytest.fixture
def start(named: Lakehouse, tmp_path: Path) -> Iterator[Callable[..., tuple[Program, str]]]:
    """Start an exporter of its own process; it, and the address of its page."""
    started = []

    def begin(**environment: str) -> tuple[Program, str]:
        command = [sys.executable, "-m", "tapehouse", "metrics", "--port", "0", "--every", "1"]
        exporter = Program(
            command, log=tmp_path / "exporter.log", environment=named.environment | environment
        )
        started.append(exporter)
        exporter.wait_for(lambda: "/metrics" in exporter.output, what="an address", seconds=60)
        return exporter, exporter.output[exporter.output.index("http://") :].split()[0]

    yield begin
    for exporter in started:
        exporter.kill()


def seconds_to_end(exporter: Program) -> float:
    began = time.monotonic()
    os.kill(exporter.process.pid, signal.SIGTERM)
    assert exporter.ended(seconds=10) == 0
    return time.monotonic() - began


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return str(answer.read().decode())


def test_the_server_shows_the_page_alone_and_ends_soon(
    start: Callable[..., tuple[Program, str]], numbers: Read
) -> None:
    exporter, address = start()
    last = ("tapehouse_warehouse_version", "gold.bars_1m")
    exporter.wait_for(lambda: last in numbers(get(address)), what="all parts", seconds=60)
    assert numbers(get(address))["tapehouse_messages_total",] == 15
    for method, path, status in (("GET", "/", 404), ("GET", "/metrics/x", 404), ("POST", "/metrics", 501)):
        connection = http.client.HTTPConnection(address.split("/")[2], timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        assert (answer.status, b"Traceback" in answer.read()) == (status, False)
        connection.close()
    assert seconds_to_end(exporter) < 5


def test_a_store_that_says_nothing_holds_up_neither_the_page_nor_the_end(
    start: Callable[..., tuple[Program, str]], numbers: Read
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        exporter, address = start(AWS_ENDPOINT_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
        before = ("tapehouse_look_success_timestamp_seconds", "kafka")
        exporter.wait_for(lambda: before in numbers(get(address)), what="the parts before it", seconds=60)
        found = numbers(get(address))
        assert (found["tapehouse_look_failed", "kafka"], found["tapehouse_look_failed", "lake"]) == (0, 1)
        assert seconds_to_end(exporter) < 5


@pytest.mark.usefixtures("named")
def test_a_busy_port_is_named_with_the_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, _, err = call("metrics", "--port", other.getsockname()[1])
    assert code == 1
    assert "remedy: stop what listens there" in err
