"""The local services as processes: their data outlives kill -9, and their secrets are for their owner only."""

import os
import signal
import stat
import time
from collections.abc import Iterator

import psycopg2
import pytest

from jobs.lake.errors import ServiceError
from jobs.lake.kafka_address import KafkaAddress
from jobs.lake.settings import Settings
from producers.events import Message
from producers.kafka_sink import KafkaSink
from tapehouse.services.instance import Instance, running
from tapehouse.services.processes import birth
from tapehouse.services.store import s3_client
from tapehouse.status_report import look
from tests.builders import quote
from tests.faults.services import tree
from tests.processes import are_gone

# services of their own, which are killed
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Services of this module alone: the ones that all tests share are not to be killed."""
    with running(tmp_path_factory.mktemp("killed") / "local") as instance:
        yield instance
    instance.remove()


def settings_of(instance: Instance) -> Settings:
    return Settings(**instance.environment())  # type: ignore[arg-type]


def ledger_rows(instance: Instance, statement: str) -> list[tuple[object, ...]]:
    e = instance.environment()
    connection = psycopg2.connect(
        host=e["PGHOST"], port=e["PGPORT"], dbname=e["PGDATABASE"], user=e["PGUSER"], password=e["PGPASSWORD"]
    )
    connection.autocommit = True
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def test_what_was_written_is_there_after_kill_9_and_a_new_start(own: Instance) -> None:
    store = s3_client(own._place())
    store.put_object(Bucket="raw", Key="kept", Body=b"bytes")
    ledger_rows(own, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    environment = own.environment()
    kafka, topic = KafkaAddress(environment["TAPEHOUSE_KAFKA_BOOTSTRAP"]), environment["TAPEHOUSE_TOPIC"]
    with KafkaSink(kafka=kafka, topic=topic, refused_file=own.folder / "refused.jsonl") as sink:
        sink.send(Message("yahoo_recording", b"", quote("14:30:01 AAPL 10 1")))
    for service in own.services():
        own.kill(service.name)
    assert {service.state for service in own.services()} == {"died"}
    assert [problem.split(":")[0] for problem in look(settings_of(own), own).problems] == [
        "postgres died",
        "store died",
        "kafka died",
    ]

    own.start()
    assert {service.state for service in own.services()} == {"running"}
    assert own.environment() == environment
    assert store.get_object(Bucket="raw", Key="kept")["Body"].read() == b"bytes"
    assert ledger_rows(own, "SELECT n FROM kept") == [(7,)]
    assert look(settings_of(own), own).lag == 1


def test_starting_what_runs_changes_nothing(own: Instance) -> None:
    before = own.services()
    own.start()
    assert own.services() == before


def test_only_the_owner_reads_the_record_with_the_secrets(own: Instance) -> None:
    assert stat.S_IMODE((own.folder / "instance.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((own.folder / "store" / "accounts.json").stat().st_mode) == 0o600


def test_no_secret_is_in_a_command_line_or_a_log(own: Instance) -> None:
    secrets = list(own._place().secrets.values())
    for service in own.services():
        with open(f"/proc/{service.pid}/cmdline") as file:
            command = file.read()
        with open(service.log, errors="replace") as file:
            log = file.read()
        assert [secret for secret in secrets if secret in command + log] == []


def test_the_pipelines_account_reaches_its_buckets_and_makes_none(own: Instance) -> None:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError, match="AccessDenied"):
        s3_client(own._place()).create_bucket(Bucket="another")


def test_the_ledgers_account_is_no_superuser(own: Instance) -> None:
    rows = ledger_rows(
        own, "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    )
    assert rows == [(False, False, False)]


def test_killing_what_is_not_there_is_an_error(own: Instance) -> None:
    with pytest.raises(ServiceError, match="cache is not running"):
        own.kill("cache")


def test_a_program_is_ended_with_what_it_has_started_in_other_sessions_too(own: Instance) -> None:
    script = "trap 'exit 0' TERM; setsid sleep 300 & sleep 300 & wait"
    own.start_job("program", ["bash", "-c", script], ends_together=True)
    (program,) = own.programs()
    assert program.pid is not None
    deadline = time.monotonic() + 60
    while len(started := [pid for pid in tree(program.pid) if pid != program.pid]) < 2:
        assert time.monotonic() < deadline, "it has started nothing"
    own.stop_job("program")
    assert own.programs() == []
    assert are_gone(program.pid, *started)


def test_a_program_that_died_is_shown_and_what_it_left_goes_before_the_next(own: Instance) -> None:
    own.start_job("program", ["bash", "-c", "sleep 300 & wait"])
    (program,) = own.programs()
    assert program.pid is not None
    deadline = time.monotonic() + 60
    while not (left := [pid for pid in tree(program.pid) if pid != program.pid]):
        assert time.monotonic() < deadline, "it has started nothing"
    os.kill(program.pid, signal.SIGKILL)
    os.waitpid(program.pid, 0)
    assert [one.state for one in own.programs()] == ["died"]
    assert "program died" in look(settings_of(own), own).problems[-1]
    own.start_job("program", ["sleep", "300"])
    assert are_gone(*left)
    own.stop_job("program")
    own.stop_job("program")  # as where `make down` came first


def test_nothing_runs_after_a_stop(own: Instance) -> None:
    pids = [service.pid for service in own.services()]
    own.stop()
    assert not own.is_up
    assert {service.state for service in own.services()} == {"stopped"}
    assert [birth(pid) for pid in pids if pid] == ["", "", ""]
