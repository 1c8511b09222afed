"""Where things lie in a checkout: everything made at run time is under `.tapehouse`."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STATE = ROOT / ".tapehouse"
JARS = STATE / "jars"
LOCAL = STATE / "local"
DEMO = STATE / "demo"
KNOWN = STATE / "known"
AIRFLOW_ENV = STATE / "airflow-env"
SETUP_RECORD = STATE / "setup.json"
LOCAL_CONFIGURATION = ROOT / "docker" / "local"


def outside(folder: Path) -> Path:
    """A folder outside the checkout for a server that runs as another user, who cannot come in here."""
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    inside = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
    return Path("/var/tmp") / f"tapehouse-{checkout}" / inside  # ruff: ignore[hardcoded-temp-file] - owned and closed to others when it is made
