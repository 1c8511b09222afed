"""One look at the stream by `tapehouse guard`, on the real services: its alerts, and whether it is to be started."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.lake.alerts import Alerts
from jobs.lake.guard_looks import GuardLooks, Look
from jobs.lake.heartbeats import Heartbeats
from jobs.lake.postgres import Connection
from producers.events import Message
from producers.tally import Tally
from tapehouse.guard_report import CRASHES, GROWS, STALE, STOPPED, Seen, judge_producers, judge_stream
from tapehouse.ledger_watch import LedgerWatch
from tests.builders import quote
from tests.stack import Stack, call

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # a Tuesday, New York is open
FOLLOWED = """version: 1
instruments:
  - instrument_id: us-apple
    follow: [{source: yahoo, dataset: stream, from: 2026-11-01}]
    listings:
      - {symbol: AAPL, mic: XNAS, currency: USD, from: 1980-12-12, vendor_symbols: {yahoo: AAPL}}
"""


@pytest.fixture
def stream(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A topic of the test alone; nothing is followed, and its alerts go with it."""
    (tmp_path / "instruments.yaml").write_text("version: 1\ninstruments: []\n")
    monkeypatch.setenv("TAPEHOUSE_INSTRUMENTS", str(tmp_path / "instruments.yaml"))
    yield stack
    asked(stack, "DELETE FROM alerts WHERE subject IN (%s, 'yahoo', 'alpha_vantage')", stack.topic)


def asked(stack: Stack, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with closing(Connection(stack.settings)) as connection:
        return connection.execute(sql, parameters)


def guard() -> dict[str, Any]:
    code, out, err = call("guard", "--json")
    assert code == 0, err
    return dict(json.loads(out))


def opened(stack: Stack) -> list[str]:
    rows = asked(stack, "SELECT name FROM alerts WHERE subject = %s AND closed_at IS NULL", stack.topic)
    return [name for (name,) in rows]


def test_a_stream_that_does_not_run_is_started_by_airflow_and_told_of_once_that_does_not_help(
    stream: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEHOUSE_STREAM_OWNER", "airflow")
    stream.send([Message("yahoo_recording", b"", quote("14:30:01 AAPL 10 1"))])
    for alerts in ([], [], [STOPPED]):
        code, out, _ = call("guard")
        assert (code, out.splitlines()[-1], opened(stream)) == (0, "start", alerts)
    with closing(stream.ledger()) as ledger, ledger.run("stream_quotes", topic=stream.topic):
        code, out, _ = call("guard")
        assert (code, out.splitlines()[-1], opened(stream)) == (0, "leave", [])
    assert (guard()["lag"], guard()["decision"]) == (1, "start")


def test_a_stream_that_runs_again_needs_nobody_for_the_run_that_failed(stream: Stack) -> None:
    with closing(Alerts(stream.settings)) as alerts:
        alerts.open("dag_run_failed", "stream_run", found="run a", remedy="see its log")
        guard()
        assert "stream_run" in [one.subject for one in alerts.are_open()]
        with closing(stream.ledger()) as ledger, ledger.run("stream_quotes", topic=stream.topic):
            guard()
        assert "stream_run" not in [one.subject for one in alerts.are_open()]


def test_a_stream_that_fails_again_and_again_is_told_of_though_it_runs(stream: Stack) -> None:
    for _ in range(4):
        assert "stream_crashes" not in opened(stream)
        with (
            closing(stream.ledger()) as ledger,
            pytest.raises(OSError, match="no room"),
            ledger.run("stream_quotes", topic=stream.topic),
        ):
            raise OSError("no room")
        guard()
    with closing(stream.ledger()) as ledger, ledger.run("stream_quotes", topic=stream.topic):
        (wrong,) = guard()["wrong"]
        assert wrong["found"] == "4 runs failed within an hour, the last by: OSError: no room"
        assert opened(stream) == ["stream_crashes"]
        earlier = "UPDATE runs SET started_at = now() - interval '61 minutes' WHERE state = 'failed'"
        asked(stream, f"{earlier} AND details ->> 'topic' = %s", stream.topic)
        assert (guard()["wrong"], opened(stream)) == ([], [])


def test_a_stream_of_somebody_elses_is_told_of_and_left(stream: Stack) -> None:
    found = guard()
    assert (found["decision"], found["state"], opened(stream)) == ("leave", "it was never started", [STOPPED])
    assert "TAPEHOUSE_STREAM_OWNER=airflow" in found["wrong"][0]["remedy"]
    with closing(stream.ledger()) as ledger, ledger.run("stream_quotes", topic=stream.topic):
        assert (guard()["wrong"], opened(stream)) == ([], [])


def test_of_a_stream_on_another_host_its_lease_tells(stream: Stack) -> None:
    with closing(stream.ledger()) as ledger, ledger.run("stream_quotes", topic=stream.topic):
        asked(stream, "UPDATE runs SET host = 'elsewhere', pid = 1 WHERE run_id = %s", ledger.run_id)
        assert guard()["runs"] is True  # it has just begun
        asked(
            stream, "UPDATE runs SET started_at = now() - interval '1 day' WHERE run_id = %s", ledger.run_id
        )
        assert re.match(
            r"failed its lease was renewed 86[45]\d\d s ago, by pid 1 on elsewhere", guard()["state"]
        )
        group = f"a lease of {stream.topic}"
        asked(
            stream,
            "INSERT INTO leases VALUES (%s, %s, 'elsewhere', 1, now() - interval '1 day', 1, now())",
            group,
            ledger.run_id,
        )
        assert guard()["runs"] is True
        asked(stream, "DELETE FROM leases WHERE table_group = %s", group)


def test_a_pid_that_is_alive_says_nothing_of_a_run_whose_lease_is_old(stream: Stack) -> None:
    with closing(stream.ledger()) as ledger, ledger.run("stream_quotes", topic=stream.topic):
        began = "UPDATE runs SET started_at = now() - make_interval(secs => %s) WHERE run_id = %s"
        asked(stream, began, 590, ledger.run_id)
        assert guard()["runs"] is True
        asked(stream, began, 610, ledger.run_id)
        assert re.match(r"failed its lease was renewed 61\d s ago, by pid \d+ on ", guard()["state"])


def test_the_newest_looks_are_kept(stream: Stack) -> None:
    with closing(GuardLooks(stream.settings)) as looks:
        for lag in range(103):
            looks.add(runs=True, lag=lag)
        assert [look.lag for look in looks.newest(4)] == [102, 101, 100, 99]
    assert asked(stream, "SELECT min(lag), count(*) FROM guard_looks WHERE topic = %s", stream.topic) == [
        (3, 100)
    ]


def judged(seen: Seen, *earlier: tuple[int, int]) -> dict[str, str | None]:
    """What is wrong, after looks so many minutes ago at which so many messages waited, the newest first."""
    looks = [Look(NOW - timedelta(minutes=minutes), True, lag) for minutes, lag in earlier]
    return {one.name: one.found for one in judge_stream(seen, looks, topic="a topic", owner="service")}


def seen(lag: int, *, read: int | None = None, since: int = 600) -> Seen:
    """A stream that runs since so many minutes, and committed its last batch so many minutes ago."""
    read_at = None if read is None else NOW - timedelta(minutes=read)
    return Seen(NOW, True, "running", NOW - timedelta(minutes=since), read_at, lag)


def test_a_stream_is_stale_where_messages_wait_that_waited_at_the_look_before() -> None:
    well = {CRASHES: None, STOPPED: None, STALE: None, GROWS: None}
    assert judged(seen(0, read=60), (5, 0)) == well
    # one that came just now waits for the next batch
    assert judged(seen(7, read=60), (5, 0)) == well
    assert judged(seen(7, read=1), (5, 7)) == well
    assert judged(seen(7, since=3), (5, 7)) == well
    assert judged(seen(7, read=60), (5, 7))[STALE] == (
        "7 messages wait since 2026-11-24 15:55:00Z or longer, the last batch is of 2026-11-24 15:00:00Z"
    )
    assert judged(seen(7), (5, 7))[STALE] == (
        "7 messages wait since 2026-11-24 15:55:00Z or longer, no batch was ever made"
    )


def test_the_lag_grows_where_it_is_large_and_larger_at_each_of_three_looks() -> None:
    told = "unread messages at the last looks: 8,000, 9,000, 10,000, 11,000"
    assert judged(seen(11_000, read=0), (5, 10_000), (10, 9_000), (15, 8_000), (20, 1))[GROWS] == told
    assert judged(seen(11_000, read=0), (5, 10_000), (10, 9_000), (15, 9_000))[GROWS] is None
    assert judged(seen(11_000, read=0), (5, 10_000), (10, 9_000))[GROWS] is None
    assert judged(seen(9_999, read=0), (5, 9_000), (10, 8_000), (15, 7_000))[GROWS] is None


def silent(stack: Stack, at: datetime) -> dict[str, str | None]:
    return {one.subject: one.found for one in judge_producers(stack.settings, now=at)}


def test_a_producer_is_silent_only_while_an_exchange_of_what_is_followed_is_open(stream: Stack) -> None:
    assert silent(stream, NOW) == {"yahoo": None, "alpha_vantage": None}
    stream.settings.instruments.write_text(FOLLOWED)
    assert silent(stream, NOW)["yahoo"] == (
        "an exchange of what is followed is open, and no producer of it is known"
    )
    assert silent(stream, NOW + timedelta(hours=6)) == {"yahoo": None, "alpha_vantage": None}
    with closing(Heartbeats(stream.settings)) as heart:
        heart.beat(["yahoo"])
        assert silent(stream, NOW)["yahoo"] is None
        asked(
            stream,
            "UPDATE heartbeats SET beat_at = now() - interval '10 minutes' WHERE topic = %s",
            stream.topic,
        )
        assert re.search(r"its producer's last heartbeat is 6\d\d s old$", str(silent(stream, NOW)["yahoo"]))
        heart.end()


def beats(stack: Stack) -> list[str]:
    rows = asked(stack, "SELECT producer FROM heartbeats WHERE topic = %s ORDER BY 1", stack.topic)
    return [name for (name,) in rows]


def watch(stack: Stack, *, error: Exception | None = None) -> list[str]:
    """The heartbeats while a producer works, which ends by an error or well."""
    with LedgerWatch(stack.settings, {"yahoo": Tally(), "alpha_vantage": Tally()}):
        deadline = datetime.now(UTC) + timedelta(seconds=30)
        while len(found := beats(stack)) < 2 and datetime.now(UTC) < deadline:
            pass
        if error:
            raise error
        return found


def test_a_producers_heartbeat_goes_with_it_unless_it_ends_by_an_error(stream: Stack) -> None:
    Heartbeats(stream.settings).close()  # the table is there
    assert watch(stream) == ["alpha_vantage", "yahoo"]
    assert beats(stream) == []
    with pytest.raises(OSError, match="no room"):
        watch(stream, error=OSError("no room"))
    assert beats(stream) == ["alpha_vantage", "yahoo"]


@pytest.mark.long
def test_a_look_that_cannot_be_made_is_an_error(stream: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    del stream  # its environment is what the command finds
    monkeypatch.setenv("TAPEHOUSE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    code, out, err = call("guard")
    assert (code, out, "does not answer" in err) == (1, "", True)
