"""One driver writes: who is refused, who goes on, and who takes over from whom."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from jobs.lake import lease as lease_module
from jobs.lake.errors import LeaseError
from jobs.lake.lease import Lease
from jobs.lake.postgres import Connection, NoAnswerError
from jobs.lake.settings import Settings, read_settings
from tapehouse.services.instance import Instance
from tests.stack import Stack

Make = Callable[[], Lease]


@pytest.fixture
def settings(services: Instance, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in services.environment().items():
        monkeypatch.setenv(name, value)
    return read_settings()


@pytest.fixture
def make(settings: Settings) -> Iterator[Make]:
    group, made = f"group-{uuid.uuid4()}", list[Lease]()

    def new() -> Lease:
        made.append(Lease(settings, group, run_id=str(uuid.uuid4())))
        return made[-1]

    yield new
    for lease in made:
        lease.close()


def age(settings: Settings, lease: Lease, *, seconds: int) -> None:
    """As if the holder had not renewed for so long."""
    with closing(Connection(settings)) as connection:
        connection.execute(
            f"UPDATE leases SET renewed_at = now() - interval '{seconds} seconds' WHERE table_group = %s",
            (lease._group,),
        )


def cut(settings: Settings, lease: Lease) -> None:
    """End the holder's connection on the server, as a restart of PostgreSQL does."""
    with closing(Connection(settings)) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (lease._backends[-1],))


def test_of_two_drivers_that_start_at_once_one_runs_twenty_times(make: Make) -> None:
    epochs = []
    for _ in range(20):
        leases, refused, gate = [make(), make()], [], threading.Barrier(2)

        def start(lease: Lease, gate: threading.Barrier, refused: list[str]) -> None:
            gate.wait()
            try:
                lease.acquire()
            except LeaseError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=start, args=(lease, gate, refused)) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        epochs.append(max(lease.epoch for lease in leases))
        for lease in leases:
            lease.close()
    assert epochs == list(range(epochs[0], epochs[0] + 20))


def test_a_holder_that_renews_is_not_challenged_and_is_named(
    settings: Settings, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "RENEW_EVERY", 600.0)  # not while we look
    holder = make()
    holder.acquire()
    age(settings, holder, seconds=30)
    with pytest.raises(LeaseError, match=r"pid \d+ on .+ since 20.+, renewed [345]\d s ago"):
        make().acquire()
    holder.ask()


def test_a_holder_that_no_longer_renews_loses_its_lock_and_learns_to_whom(
    settings: Settings, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "RENEW_EVERY", 600.0)  # as if it were stopped
    monkeypatch.setattr(lease_module, "LOOK_AGAIN_AFTER", 0.1)
    stopped, other = make(), make()
    stopped.acquire()
    age(settings, stopped, seconds=61)
    other.acquire()
    assert other.epoch == stopped.epoch + 1
    with pytest.raises(LeaseError, match=r"written by another driver(.*\n)*.*pid \d+"):
        stopped.ask()
    other.ask()
    other.close()
    # nor when the other has gone again: it may have written
    with pytest.raises(LeaseError):
        stopped.ask()


def test_a_holder_whose_connection_was_cut_takes_its_lock_again_with_the_same_epoch(
    settings: Settings, make: Make
) -> None:
    holder = make()
    holder.acquire()
    epoch = holder.epoch
    cut(settings, holder)
    holder.ask()
    assert holder.epoch == epoch
    with pytest.raises(LeaseError):
        make().acquire()


def test_a_holder_ends_its_own_old_connection_that_the_server_still_keeps(make: Make) -> None:
    holder = make()
    holder.acquire()
    kept = holder._connection
    holder._connection = None  # lost on this side only
    holder.ask()
    assert kept is not None
    with pytest.raises(NoAnswerError):
        kept.execute("SELECT 1")


def test_a_lease_without_an_answer_is_asked_for_again_and_then_given_up(
    settings: Settings, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = make()
    holder.acquire()
    cut(settings, holder)
    away = settings.model_copy(update={"ledger_port": 1, "lease_patience": 2.0})
    monkeypatch.setattr(holder, "_settings", away)
    with pytest.raises(NoAnswerError, match=r"the ledger at 127\.0\.0\.1:1 does not answer"):
        holder.ask()
    monkeypatch.setattr(holder, "_settings", settings)
    holder.ask()


def test_a_statement_has_a_limit_on_a_server_that_answers_nothing(settings: Settings) -> None:
    with closing(Connection(settings)) as connection:
        with pytest.raises(NoAnswerError, match=r"no answer within 0\.2 seconds"):
            connection.execute("SELECT pg_sleep(60)", limit=0.2)
        assert connection.is_closed


@pytest.mark.long
def test_a_second_driver_is_refused_and_its_run_is_a_failed_one(stack: Stack) -> None:
    with closing(Lease(stack.settings, "stream_quotes", run_id=str(uuid.uuid4()))) as lease:
        lease.acquire()
        with pytest.raises(LeaseError, match=r"pid \d+ on .+ since"):
            stack.drain()
    stack.drain()


def test_an_epoch_is_larger_than_what_the_tables_have_seen(make: Make) -> None:
    lease = make()
    lease.acquire()
    lease.raise_above(41)
    assert lease.epoch == 42
    lease.ask()
    lease.close()
    following = make()
    following.acquire()
    assert following.epoch == 43
