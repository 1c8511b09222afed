"""`tapehouse dag-run`: how a run of one of Airflow's DAGs ended, or that it is late, and the alert of it."""

import argparse
from contextlib import closing
from itertools import product

FAILED, LATE = "dag_run_failed", "dag_run_late"
REMEDY = {
    FAILED: "read the log of the task that failed in Airflow, put right what it says, then clear that task",
    LATE: "see in Airflow which task still runs or waits, and read its log; clear it if it hangs",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dag", required=True, metavar="DAG", help="the DAG's id")
    parser.add_argument("--run", required=True, metavar="RUN", help="the run's id")
    parser.add_argument(
        "--session", default="", metavar="DATE", help="its session; empty or None for a DAG without one"
    )
    parser.add_argument(
        "--state", required=True, choices=("success", "failed", "late"), help="what is so now"
    )
    parser.add_argument("--reason", metavar="TEXT", help="which task, and why")


def run(args: argparse.Namespace) -> int:
    from jobs.lake.alerts import Alerts
    from jobs.lake.dag_runs import session_of
    from jobs.lake.ledger import Ledger
    from tapehouse.context import use_running_environment

    session = session_of(args.session)
    settings = use_running_environment()
    of = (args.dag, args.run, session)
    # the next good run closes what this one opens
    subject = f"{args.dag} {session}" if session else str(args.dag)
    found = f"run {args.run}: {args.reason or 'no reason was given'}"
    with closing(Ledger(settings)) as ledger, closing(Alerts(settings)) as alerts:
        if args.state == "late":
            if ledger.dag_runs.mark_late(*of, reason=args.reason):
                alerts.open(LATE, subject, found=found, remedy=REMEDY[LATE])
            return 0
        if ledger.dag_runs.state(args.dag, args.run) == args.state:
            return 0  # told before: a later run of the session may have closed the alert
        if args.state == "failed" and not ledger.dag_runs.is_made_up_for(*of):
            alerts.open(FAILED, subject, found=found, remedy=REMEDY[FAILED])
        elif args.state == "success":
            # that of a run without a session too, which no other good run would close
            for name, of_whom in product((FAILED, LATE), {subject, str(args.dag)}):
                alerts.close_alert(name, of_whom)
        # last: told again after a failure, it begins with the alert again
        ledger.dag_runs.end(*of, state=args.state, reason=args.reason)
    return 0
