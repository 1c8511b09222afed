"""python3 -m tapehouse.setup.minio: build MinIO's server, which its makers publish as source alone, with Go."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tapehouse.paths import STATE
from tapehouse.setup.errors import SetupError

# of 2026-02-12, the last commit: CVE-2025-62506 is corrected in it, in no image of theirs. Go checks it by its sum
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
MODULE = "github.com/minio/minio"
FOLDER = STATE / "minio"
LIMIT = 3600.0  # seconds: a small machine with a slow line


def main() -> int:
    try:
        print(build())
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def build() -> str:
    """What was done. The program of this version that is there already stays."""
    program, version = FOLDER / "minio", FOLDER / "version"
    if program.exists() and version.exists() and version.read_text() == VERSION:
        return f"MinIO {VERSION} is there: {program}"
    go = shutil.which("go")
    if go is None:
        raise SetupError(
            "MinIO cannot be built",
            "no program `go` on the PATH",
            "install Go 1.24 or newer (https://go.dev/dl), or set TAPEHOUSE_MINIO to a MinIO that you have",
        )
    print(f"building MinIO {VERSION}: about 8 minutes on two cores, 3 GB of Go's caches", file=sys.stderr)
    began = time.monotonic()
    new = FOLDER / "new"
    new.mkdir(parents=True, exist_ok=True)
    _install(go, new)
    (new / "minio").replace(program)
    new.rmdir()
    version.write_text(VERSION)
    return f"MinIO {VERSION}, built in {time.monotonic() - began:.0f} s: {program}"


def _install(go: str, folder: Path) -> None:
    """`go install`, with the checksum database whatever this machine has set."""
    ours = {
        "GOBIN": str(folder),
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false",
        "GOSUMDB": "sum.golang.org",
        "GONOSUMDB": "none",
    }
    command = [go, "install", "-trimpath", "-ldflags", "-s -w", f"{MODULE}@{VERSION}"]
    try:
        done = subprocess.run(
            command, env=os.environ | ours, capture_output=True, text=True, check=False, timeout=LIMIT
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(
            "MinIO was not built", f"not done after {LIMIT:.0f} s", "repeat it; it goes on"
        ) from error
    if done.returncode != 0:
        raise SetupError(
            "MinIO was not built", done.stderr.strip()[-800:], "correct what Go says, then repeat"
        )


if __name__ == "__main__":
    sys.exit(main())
