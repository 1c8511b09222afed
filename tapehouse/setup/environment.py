"""`.venv`: exactly the locked packages, installed by uv with their hashes checked."""

from __future__ import annotations  # a Python that is too old must come as far as to hear it

import subprocess
import sys
from pathlib import Path

from tapehouse.paths import ROOT, STATE, VENV
from tapehouse.setup.errors import SetupError

BOOTSTRAP = STATE / "bootstrap"


def install(extra: list[str]) -> None:
    """Make `.venv` hold the lock's packages, those of the fall-backs `extra`, and this checkout itself."""
    uv = installer()
    python = VENV / "bin" / "python"
    if not python.exists():
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV])
    # a sync installs what is listed and nothing that it asks for: of the charts only they themselves are wanted
    locks = [
        ROOT / name
        for name in (
            "requirements.txt",
            "requirements-charts.txt",
            *(f"requirements-{one}.txt" for one in extra),
        )
    ]
    run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, *locks])
    mode = ["--config-settings", "editable_mode=compat"]
    run([
        uv,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        *mode,
        "--python",
        python,
        "-e",
        ROOT,
    ])


def site_packages() -> Path:
    return next((VENV / "lib").glob("python3*/site-packages"))


def installer() -> Path:
    """uv, from its hash-locked requirement, in a folder of its own."""
    uv = BOOTSTRAP / "bin" / "uv"
    if uv.exists():
        return uv
    requirement: list[str | Path] = ["--quiet", "--require-hashes", "-r", ROOT / "requirements-bootstrap.txt"]
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", BOOTSTRAP], capture_output=True, text=True, check=False
    )
    if made.returncode == 0:
        run([
            BOOTSTRAP / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            *requirement,
        ])
        return uv
    # a Python without ensurepip, but perhaps with a pip of its own
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "--target", BOOTSTRAP, *requirement]
    if subprocess.run(pip, capture_output=True, check=False).returncode == 0 and uv.exists():
        return uv
    raise SetupError(
        "this Python can neither make an environment nor install a package",
        (made.stderr or made.stdout).strip()[-300:],
        "install its venv module (Debian: apt-get install python3-venv)",
    )


def run(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
