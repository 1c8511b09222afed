"""The page of a lakehouse on the real services, number by number, and of one that is half away."""

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tapehouse.measuring.catalogue import METRICS, PARTS, Sample
from tapehouse.measuring.looks import Looks
from tests.monitoring.conftest import Numbers
from tests.monitoring.lakehouse import Lakehouse
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
        ("tapehouse_gaps_open", "not_fetched", "1d"): 0,
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
    # of a stream that never ran nothing is known of a run, and no session is due that nobody follows
    not_known = {
        "tapehouse_session_due_timestamp_seconds",
        "tapehouse_stream_started_timestamp_seconds",
        "tapehouse_stream_lease_renewed_timestamp_seconds",
    }
    assert shown == METRICS.keys() - not_known


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
