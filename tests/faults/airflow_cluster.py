"""`daily_close` on a Spark master with workers: nothing else is changed than the connection."""

import sys

from tapehouse.services.environment import master_of
from tapehouse.services.spark import state_of_master
from tests.faults.airflow import HALF_DAY, SESSIONS, must_be_one_pass, must_be_reconciled, orchestra
from tests.faults.fault import Options
from tests.faults.lake import Lake
from tests.faults.workers import must_have_workers

# the steps that have something to do after the first session of a lake without a stream
STEPS = ("load_history", "build_daily", "adjust_prices", "compute_indicators", "reconcile_sources")


def on_a_standalone_master(lake: Lake, options: Options) -> None:
    """A half day to a reconciled warehouse, and each step of Spark was an application of the master."""
    del options
    must_have_workers(lake)
    place = lake.instance.reserve()
    with orchestra(lake, SESSIONS) as airflow:
        airflow.api.name_spark(master_of(place))
        airflow.must_be_green(airflow.close(HALF_DAY))
        must_be_reconciled(lake)
        ended = {(app["name"], app["state"]) for app in state_of_master(place)["completedapps"]}
        print(f"  applications of {master_of(place)}: {sorted(ended)}", file=sys.stderr)
        missing = {(step, "FINISHED") for step in STEPS} - ended
        assert not missing, f"not run by the master: {missing}; these were: {ended}"
        # the vendors were asked for the sessions before it too, and so these are worked out
        must_be_one_pass(lake, SESSIONS[: SESSIONS.index(HALF_DAY) + 1])
