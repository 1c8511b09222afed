"""What the launcher needs to know of a service, and what a service needs to know of its place."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tapehouse.services.processes import Started


@dataclass(frozen=True)
class Place:
    """The folder, ports and generated secrets of one instance, and the programs that set-up found."""

    folder: Path
    ports: Mapping[str, int]
    secrets: Mapping[str, str] = field(repr=False)
    java_home: Path
    postgres_bin: Path

    def data(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, name: str) -> Path:
        folder = self.folder / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.log"


class Service(Protocol):
    """One process. `check` raises what is wrong while it is not ready yet."""

    @property
    def name(self) -> str: ...

    @property
    def port_names(self) -> tuple[str, ...]: ...

    @property
    def stop_signal(self) -> signal.Signals: ...

    @property
    def patience(self) -> float:
        """Seconds from the stop signal until it is killed."""

    def start(self, place: Place) -> Started: ...

    def check(self, place: Place) -> None: ...

    def prepare(self, place: Place) -> None:
        """Make what its users expect: buckets, topics, databases. Done already is fine."""
