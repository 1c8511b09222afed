"""The page's own files, and the chart library out of its installed package: nothing comes from another host."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import NamedTuple

from jobs.lake.errors import ServiceError

STATIC = Path(__file__).parent / "static"
# its Python is not imported: that would want pandas and a browser of its own
PACKAGE, SCRIPT = "lightweight-charts", "lightweight_charts/js/lightweight-charts.js"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Asset(NamedTuple):
    content: bytes
    kind: str
    tag: str


@cache
def find_assets() -> dict[str, Asset]:
    """Every file by its name; read once, so that no name of a request is ever a path."""
    found = {path.name: _asset(path) for path in STATIC.iterdir() if path.suffix in KINDS}
    return found | {"lightweight-charts.js": _asset(find_chart_library())}


def find_chart_library() -> Path:
    try:
        listed = files(PACKAGE) or []
    except PackageNotFoundError:
        listed = []
    for one in listed:
        path = Path(str(one.locate()))
        if str(one) == SCRIPT and path.exists():
            return path
    raise ServiceError(
        "the library that draws the charts is not installed",
        found=f"no {SCRIPT} of the package {PACKAGE}",
        remedy="run `make setup`",
    )


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, KINDS[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:16]}"')
