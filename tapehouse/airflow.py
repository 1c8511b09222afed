"""`tapehouse airflow`: start Airflow beside the services, or call its own command line."""

import argparse
import os
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="ARGUMENTS",
        help="of Airflow's own command line, such as: dags list (default: start Airflow)",
    )


def run(args: argparse.Namespace) -> int:
    """Exit code of Airflow's own command, where one is given."""
    from jobs.lake.settings import is_named, read_settings
    from tapehouse.context import own_services
    from tapehouse.services.airflow import Airflow
    from tapehouse.services.instance import find_running
    from tapehouse.services.lock import sole_use

    if args.arguments:
        return _call(args.arguments)
    running = find_running()
    instance = running or own_services()
    # a kept demo has had its stream: Airflow would start another
    owner = "airflow" if running is None or running.folder.name != "demo" else "service"
    if not is_named("TAPEHOUSE_STREAM_OWNER"):
        os.environ["TAPEHOUSE_STREAM_OWNER"] = owner
    with sole_use(instance.folder):
        instance.start(_tell)
        os.environ.update(instance.environment())
        started = Airflow(instance, read_settings()).start(_tell)
    print(f"Airflow: {started.url}, user {started.user}, its password is in {started.password_file}")
    return 0


def _tell(line: str) -> None:
    print(f"started {line}", file=sys.stderr, flush=True)


def _call(arguments: list[str]) -> int:
    import subprocess

    from jobs.lake.settings import read_settings
    from tapehouse.context import require_running
    from tapehouse.paths import AIRFLOW_ENV
    from tapehouse.services.airflow import Airflow

    instance = require_running()
    os.environ.update(instance.environment())
    airflow = Airflow(instance, read_settings())
    command = [str(AIRFLOW_ENV / "bin" / "airflow"), *arguments]
    return subprocess.run(command, env=airflow.environment, check=False).returncode
