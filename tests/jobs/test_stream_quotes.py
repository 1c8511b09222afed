"""The stream job as its users run it: again and again, stopped, replayed, refused."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from jobs.lake import read
from jobs.lake.errors import CheckpointError, TopicError
from jobs.lake.settings import Settings
from jobs.lake.tables import SILVER_QUOTES
from producers.disturbances import Disturbances, disturb
from producers.events import Message
from producers.tape import generate
from tapehouse.ledger import LedgerReader
from tapehouse.paths import ROOT, VENV
from tapehouse.stream_job import QUICK_START
from tests.builders import DAY, line
from tests.processes import wait_for
from tests.stack import Stack, call
from transforms.bars import aggregate_bars, sequence_quotes
from transforms.revisions import seed_segments, touched_segments

JOB = ROOT / "jobs" / "stream_quotes.py"


def tape(minutes: int, *, symbols: tuple[str, ...] = (), harm: Disturbances | None = None) -> list[Message]:
    made = generate(DAY.date(), before=DAY.date().replace(day=1), seed=5, minutes=minutes, symbols=symbols)
    harm = harm or Disturbances(duplicates=0.05, malformed=0.02, late=0.05, shuffle_minutes=3)
    return [delivery.message for delivery in disturb(made, harm, seed=5, now_us=time.time_ns() // 1000)]


@pytest.mark.long
def test_the_stream_gives_what_a_batch_over_all_of_silver_gives(stack: Stack) -> None:
    stack.send(tape(10, symbols=("AAPL", "TSLA")))
    stack.drain(max_offsets=350)
    quotes = read.table(stack.spark, SILVER_QUOTES, stack.settings).selectExpr("*", "true AS is_stored")
    touched = quotes.transform(touched_segments)
    nothing = quotes.selectExpr("*", "day_volume AS day_volume_high").limit(0)
    rows = (
        quotes
        .transform(sequence_quotes, seeds=touched.transform(seed_segments, stored=nothing))
        .transform(aggregate_bars)
        .orderBy("instrument_id", "bar_start")
        .collect()
    )
    names = ("symbol", "open", "high", "low", "close", "volume", "vwap", "quote_count", "day_volume_high")
    stored = stack.sql(f"SELECT {', '.join(names)} FROM gold.bars_1m ORDER BY instrument_id, bar_start")
    assert len(stored) == 20
    worked_out = [{name: "" if row[name] is None else str(row[name]) for name in names} for row in rows]
    assert worked_out == stored
    with closing(LedgerReader(stack.settings)) as ledger:
        batches = [batch for batch in ledger.batches() if batch["topic"] == stack.topic]
    assert len(batches) > 2
    for before, after in pairwise(batches):
        for partition, start in after["start"].items():
            assert start == before["end"].get(partition, start)


@pytest.mark.long
def test_a_checkpoint_of_another_topic_or_another_table_is_refused(
    new_stack: Callable[[], Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = new_stack()
    one.send([line("14:30:01")])
    one.drain()
    monkeypatch.setenv("TAPEHOUSE_REALTIME_URL", f"{one.settings.realtime_url}-of-others")
    with pytest.raises(CheckpointError, match=r"belongs to another table bronze\.quotes"):
        one.drain()
    other = new_stack()
    shutil.copytree(one.checkpoint.parent, other.checkpoint.parent)
    with pytest.raises(CheckpointError, match="belongs to another topic"):
        other.drain()


@pytest.mark.long
def test_a_topic_that_was_made_anew_is_refused(stack: Stack) -> None:
    from kafka import KafkaAdminClient

    from tapehouse.services.kafka import make_topic

    stack.send([line("14:30:01")])
    stack.drain()
    with closing(KafkaAdminClient(bootstrap_servers=stack.settings.kafka_bootstrap)) as admin:
        admin.delete_topics([stack.topic])
        for _ in range(100):
            if stack.topic not in admin.list_topics():
                break
            time.sleep(0.1)
    make_topic(stack.settings.kafka_bootstrap, stack.topic)
    with pytest.raises(TopicError, match=rf"made anew(.*\n)*.*TAPEHOUSE_TOPIC={stack.topic}-2"):
        stack.drain()


def test_a_missing_topic_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEHOUSE_TOPIC", "no-such-topic")
    with pytest.raises(TopicError, match="no-such-topic"):
        stack.drain()


def test_the_ledger_says_what_each_batch_did(stack: Stack) -> None:
    stack.send([line("14:30:01"), line("14:30:01"), Message("yahoo", b"rubbish", None)])
    stack.drain()
    with closing(LedgerReader(stack.settings)) as ledger:
        (batch,) = [batch for batch in ledger.batches() if batch["topic"] == stack.topic]
    told = {name: batch[name] for name in ("messages", "accepted", "rejected", "duplicates", "bars")}
    assert told == {"messages": 3, "accepted": 2, "rejected": 1, "duplicates": 1, "bars": 1}


@pytest.mark.long
def test_bars_are_final_once_the_clock_is_past_the_session_and_the_source_is_quiet(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.send([line("14:30:01")])
    stack.drain()
    # the session is long over, but the source sent something a moment ago: more may come
    assert stack.one("SELECT is_final FROM gold.bars_1m") == "false"
    monkeypatch.setenv("TAPEHOUSE_LATENESS_MINUTES", "0")
    stack.drain()
    assert stack.sql("SELECT is_final, revision FROM gold.bars_1m") == [{"is_final": "true", "revision": "0"}]
    assert call("verify")[0] == 0


def settings_in_files(stack: Stack, folder: Path) -> dict[str, str]:
    """The environment without our settings: they stand in `.env`, the secrets in files of their own."""
    ours = {field.alias: stack.environment[field.alias] for field in Settings.model_fields.values()
            if field.alias in stack.environment}  # fmt: skip
    rest = {name: value for name, value in os.environ.items() if name not in ours}
    for name in ("PGPASSWORD", "AWS_SECRET_ACCESS_KEY"):
        (folder / name).write_text(ours.pop(name))
        rest[f"{name}_FILE"] = str(folder / name)
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in ours.items()))
    return rest


@pytest.mark.long
def test_sigterm_in_the_middle_of_a_batch_ends_after_it_with_exit_code_0(
    stack: Stack, tmp_path: Path
) -> None:
    sent = tape(5)
    stack.send(sent)
    log, environment = tmp_path / "job.log", settings_in_files(stack, tmp_path)
    command = [VENV / "bin" / "spark-submit", "--conf", QUICK_START, JOB, "--max-offsets", "200"]
    with log.open("wb") as output:
        job = subprocess.Popen(
            list(map(str, command)), cwd=tmp_path, env=environment, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: b"batch=0" in log.read_bytes(), job)
        time.sleep(1)  # a batch takes two seconds and more: the next one is being written
        batches = log.read_bytes().count(b"event=batch")
        job.send_signal(signal.SIGTERM)
        assert job.wait(180) == 0, log.read_text()[-2000:]
        assert log.read_bytes().count(b"event=batch") - batches in {1, 2}
    finally:
        if job.poll() is None:
            job.kill()
    with closing(LedgerReader(stack.settings)) as ledger:
        run = ledger.newest_run("stream_quotes", topic=stack.topic)
    assert run is not None
    assert run.state == "done"
    done = int(stack.one("SELECT count(*) FROM bronze.quotes"))
    assert 0 < done < len(sent)
    assert call("verify")[0] == 0
    stack.drain()
    assert stack.one("SELECT count(*) FROM bronze.quotes") == str(len(sent))
    assert call("verify")[0] == 0


def run_job(*options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    plain = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
    return subprocess.run(
        [sys.executable, str(JOB), *options],
        env=plain | environment,
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_missing_settings_are_all_named_at_once_with_the_remedy() -> None:
    done = run_job(PGHOST="127.0.0.1")
    assert done.returncode == 2
    for name in ("TAPEHOUSE_KAFKA_BOOTSTRAP", "AWS_ENDPOINT_URL", "PGPASSWORD", "TAPEHOUSE_CHECKPOINTS"):
        assert name in done.stderr
    assert "PGHOST" not in done.stderr
    assert "make up" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in run_job("--debug").stderr


def test_an_unknown_option_is_exit_code_2() -> None:
    done = run_job("--tigger", "1 second")
    assert done.returncode == 2
    assert "--tigger" in done.stderr


@pytest.mark.long
def test_kafka_that_does_not_answer_is_named(stack: Stack) -> None:
    done = run_job(**{**stack.environment, "TAPEHOUSE_KAFKA_BOOTSTRAP": "127.0.0.1:1"})
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
