"""`tapehouse guard`: one look at the stream, its alerts, and whether it is to be started."""

import argparse
import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.lake.alerts import Alerts
    from tapehouse.guard_report import Finding

STREAM_DAG = "stream_run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="what was seen, and the decision, as JSON")


def run(args: argparse.Namespace) -> int:
    """Exit code 0 if it could look; the last line is `start` if the stream is to be started, else `leave`."""
    from jobs.lake.alerts import Alerts
    from jobs.lake.guard_looks import GuardLooks
    from tapehouse import guard_report
    from tapehouse.context import use_running_environment
    from tapehouse.dag_run import FAILED

    settings = use_running_environment()
    seen = guard_report.see(settings)
    with closing(GuardLooks(settings)) as looks, closing(Alerts(settings)) as alerts:
        earlier = looks.newest(guard_report.EARLIER)
        findings = [
            *guard_report.judge_stream(seen, earlier, topic=settings.topic, owner=settings.stream_owner),
            *guard_report.judge_producers(settings, now=seen.at),
        ]
        looks.add(runs=seen.runs, lag=seen.lag)
        for finding in findings:
            _tell(alerts, finding)
        if seen.runs:  # a run of Airflow's that keeps it running has no end that would say so
            alerts.close_alert(FAILED, STREAM_DAG)
    is_ours = settings.stream_owner == "airflow"
    decision = guard_report.START if is_ours and not seen.runs else guard_report.LEAVE
    wrong = [finding for finding in findings if finding.found]
    if args.json:
        told = {**asdict(seen), "wrong": [one._asdict() for one in wrong], "decision": decision}
        print(json.dumps(told, default=str, indent=1))
        return 0
    print(f"stream of {settings.topic}: {seen.state}, {seen.lag:,} messages wait")
    for one in wrong:
        print(f"PROBLEM  {one.name}: {one.subject} ({one.found}); {one.remedy}")
    print(decision)
    return 0


def _tell(alerts: "Alerts", finding: "Finding") -> None:
    if finding.found:
        alerts.open(finding.name, finding.subject, found=finding.found, remedy=finding.remedy)
    else:
        alerts.close_alert(finding.name, finding.subject)
