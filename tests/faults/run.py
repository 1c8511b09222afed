"""Runs scenarios, each on a lake of its own, on one set of services."""

import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tapehouse.services.instance import Instance, running
from tapehouse.services.profiles import LAPTOP
from tests.faults import (
    airflow,
    airflow_cluster,
    airflow_kills,
    batches,
    brokers,
    checkpoints,
    clock,
    disks,
    gone,
    history,
    kills,
    live,
    load,
    pauses,
    producers,
    rebuilds,
    services,
    soak,
    two,
    undisturbed,
    warehouse,
    workers,
    zombies,
)
from tests.faults.fault import Options, SkippedError
from tests.faults.lake import Lake, read_tape

SCENARIOS: dict[str, Callable[[Lake, Options], None]] = {
    "failpoints": kills.at_failpoints,
    "instants": kills.at_random_instants,
    "services": services.killed,
    "services-long": services.killed_for_long,
    "store-stalls": services.store_stalls,
    "store-away": services.store_away,
    "services-gone": gone.for_good,
    "full-checkpoint-disk": disks.full_under_checkpoint,
    "full-store-disk": disks.full_under_store,
    "clock": clock.set_back,
    "load": load.two_minutes,
    "pauses": pauses.one_after_the_other,
    "lid-closed": pauses.lid_closed,
    "soak": soak.a_million,
    "checkpoint": checkpoints.harmed,
    "topic": checkpoints.topic_made_anew,
    "rebuild": rebuilds.killed_at_each_write,
    "producer": producers.killed,
    "live-producer": live.killed,
    "history": history.killed_half_way,
    "budget": history.never_beyond_the_budget,
    "batch": batches.killed_at_each_write,
    "zombie": zombies.between_snapshot_and_commit,
    "zombies": zombies.at_each_moment,
    "taken-meanwhile": zombies.taken_while_postgres_was_away,
    "two-at-once": two.at_once,
    "whole-way": warehouse.whole_way,
    "whole-hour": undisturbed.whole_hour,
    "leader": brokers.leader_killed,
    "workers": workers.killed,
    "airflow": airflow.one_session,
    "airflow-sessions": airflow.five_sessions,
    "airflow-cluster": airflow_cluster.on_a_standalone_master,
    "airflow-kills": airflow_kills.killed,
    "airflow-bad-data": airflow_kills.bad_data,
}


@dataclass(frozen=True)
class Outcome:
    """What a scenario that held was made of, or why this machine could not have it."""

    faults: int
    messages: int
    seconds: float
    skipped: str = ""
    seen: str = ""


@contextmanager
def stage(profile: str = LAPTOP) -> Generator[Callable[[str, Options], Outcome | None], None, None]:
    """Services that are up for the length of a block, and what runs a scenario on them: None where it failed."""
    with (
        tempfile.TemporaryDirectory(prefix="tapehouse-faults-", ignore_cleanup_errors=True) as folder,
        ExitStack() as at_end,
    ):
        place = Path(folder) / "local"
        at_end.callback(Instance(place, profile).remove)
        instance = at_end.enter_context(
            running(place, lambda line: print(line, file=sys.stderr), profile=profile)
        )
        yield lambda name, options: _prove(name, instance, Path(folder), options, profile=profile)


def _prove(name: str, instance: Instance, folder: Path, options: Options, *, profile: str) -> Outcome | None:
    began = time.monotonic()
    lake = Lake(instance, folder, name, read_tape(options.seed))
    try:
        SCENARIOS[name](lake, options)
    except SkippedError as reason:
        print(f"skipped {name}: {reason}", flush=True)
        return Outcome(0, 0, time.monotonic() - began, skipped=str(reason))
    except Exception as error:
        fault = lake.met[-1] if lake.met else "no fault yet"
        again = f"--profile {profile} --scenario {name} --seed {options.seed} --kills {options.kills}"
        print(f"FAILED {name} ({fault}), repeat it with {again}: {error}", file=sys.stderr)
        if not isinstance(error, AssertionError):
            raise
        return None
    finally:
        lake.close()
    outcome = Outcome(len(lake.met), lake.sent, time.monotonic() - began, seen=lake.seen)
    print(
        f"ok {name}: {outcome.faults} faults, {outcome.messages:,} messages, {outcome.seconds:.0f} s, "
        f"seed {options.seed}{f', {outcome.seen}' if outcome.seen else ''}",
        flush=True,
    )
    return outcome
