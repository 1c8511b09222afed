"""`.tapehouse/airflow-env`: Airflow and nothing of ours, from its own lock. Only what needs Airflow makes it."""

from __future__ import annotations  # a Python that is too old must come as far as to hear it

import hashlib
import sys

from tapehouse.paths import AIRFLOW_ENV, ROOT
from tapehouse.setup.environment import installer, run

LOCK = ROOT / "requirements-airflow.txt"
INSTALLED = AIRFLOW_ENV / "installed.sha256"


def is_there() -> bool:
    """Whether the environment holds what the lock says, at the place where it was made."""
    is_whole = INSTALLED.exists() and (AIRFLOW_ENV / "bin" / "airflow").exists()
    return is_whole and INSTALLED.read_text() == _stamp()


def install() -> None:
    """Make it exactly the lock's packages."""
    uv, python = installer(), AIRFLOW_ENV / "bin" / "python"
    if not python.exists():
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, AIRFLOW_ENV])
    run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, LOCK])
    INSTALLED.write_text(_stamp())


def _stamp() -> str:
    return hashlib.sha256(f"{AIRFLOW_ENV} ".encode() + LOCK.read_bytes()).hexdigest()
